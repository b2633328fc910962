import OrderedCollections

/// A reader of XYZ and extended XYZ files, with one frame at a time in memory.
///
/// - Source: https://github.com/libAtoms/extxyz (the format's specification); ASE 3.29 `ase.io.extxyz`.
public struct ExtXYZReader: ~Copyable {
    private let scanner: LineScanner
    private let options: ExtXYZReadOptions
    /// 0-based index of the next frame.
    public private(set) var frame = 0

    public init(path: String, options: ExtXYZReadOptions = ExtXYZReadOptions()) throws(ExtXYZError) {
        try self.init(FileBytes(path: path), options: options)
    }

    public init(
        _ source: any ByteSource, options: ExtXYZReadOptions = ExtXYZReadOptions()
    ) throws(ExtXYZError) {
        scanner = try LineScanner(source, options: options)
        self.options = options
    }

    /// The fraction of the source that has been read, from 0 to 1; nil if its size is not known.
    public var fractionRead: Double? {
        guard let total = scanner.source.byteCount, total > 0 else { return nil }
        return min(1, Double(scanner.offset) / Double(total))
    }

    /// Returns the next frame; nil at the end of the file.
    public mutating func next() throws(ExtXYZError) -> Atoms? {
        guard let count = try atomCount() else { return nil }
        guard let line = try scanner.next() else {
            throw scanner.error("the file ends after the number of atoms, without a comment line")
        }
        let comment: CommentLine
        var atoms: Atoms
        let layout: ColumnLayout
        do throws(LineFault) {
            comment = try CommentLine(line)
            layout = try comment.layout()
            atoms = try comment.emptyFrame(options)
        } catch {
            throw scanner.error(error.message, at: error.offset, hint: error.hint)
        }
        try readRows(count, layout, into: &atoms)
        frame += 1
        return atoms
    }

    /// Returns the number of atoms in the first line of a frame; nil if only empty lines are left.
    private func atomCount() throws(ExtXYZError) -> Int? {
        while var line = try scanner.next() {
            if scanner.lineNumber == 1 {
                if line.starts(with: ForeignStart.mark) { line = UnsafeBufferPointer(rebasing: line[3...]) }
                if let fault = ForeignStart.fault(in: line) {
                    throw scanner.error(fault.message, at: fault.offset, hint: fault.hint)
                }
            }
            var tokens = Tokens(line)
            guard let token = tokens.next() else { continue }
            guard let count = NumberParsing.integer(token), count >= 0 else {
                throw scanner.error(
                    "expected a number of atoms, found \(quoted(token))", at: tokens.start,
                    hint: frame > 0
                        ? "does the previous frame have more atoms than its first line says?"
                        : "is this an XYZ file?")
            }
            if let rest = tokens.next() {
                throw scanner.error(
                    "\(quoted(rest)) after the number of atoms", at: tokens.start,
                    hint: "the first line of a frame has only the number of atoms")
            }
            // An atom takes at least two bytes. If the rest of the source is too short for the number of atoms, the
            // frame is refused before any atom is read.
            let most = min(options.maxAtoms, (scanner.remaining ?? .max - 2) / 2 + 1)
            guard count <= most else {
                throw scanner.error(
                    count > options.maxAtoms
                        ? "\(count) atoms are more than the limit of \(options.maxAtoms)"
                        : "the file ends before \(counted(count, "atom"))", at: tokens.start)
            }
            return count
        }
        return nil
    }

    private func readRows(
        _ count: Int, _ layout: ColumnLayout, into atoms: inout Atoms
    ) throws(ExtXYZError) {
        // Reserves memory for no more atoms than the rest of the file can contain.
        let values = count.multipliedReportingOverflow(by: layout.width)
        let isPlausible = !values.overflow && values.partialValue <= (scanner.remaining ?? 1 << 20) / 2 + 1
        let room = isPlausible ? min(count, 1 << 16) : 0
        var elements: [Element] = []
        elements.reserveCapacity(room)
        var positions: [SIMD3<Double>] = []
        positions.reserveCapacity(room)
        let areNumbersElements = !layout.hasSpecies
        var stores = layout.fields.map {
            ColumnStore($0, room: room, areNumbersElements: areNumbersElements)
        }
        let numbers =
            layout.hasSpecies && layout.hasNumbers ? stores.firstIndex { $0.field.name == "Z" } : nil
        for row in 0..<count {
            guard let line = try scanner.next() else {
                throw ExtXYZError(
                    file: scanner.source.label, line: scanner.lineNumber,
                    message: "the file ends after \(row) of \(counted(count, "atom"))")
            }
            var tokens = Tokens(line)
            do throws(LineFault) {
                for index in stores.indices {
                    switch stores[index].role {
                    case .species: elements.append(try tokens.element())
                    case .position:
                        positions.append([try tokens.real(), try tokens.real(), try tokens.real()])
                    case .other: try stores[index].append(from: &tokens)
                    }
                }
                if let numbers, let number = stores[numbers].lastInteger,
                    number != elements[row].atomicNumber
                {
                    throw LineFault(
                        "species is \(elements[row].symbol), but Z is \(number)", at: nil,
                        hint: "\(elements[row].symbol) is \(elements[row].atomicNumber)")
                }
                if let extra = tokens.next() {
                    throw LineFault(
                        "found \(quoted(extra)) after the last of \(layout.width) columns", at: tokens.start,
                        hint: "declare further columns in Properties")
                }
            } catch {
                throw scanner.error(error.message, at: error.offset, hint: error.hint)
            }
        }
        atoms.elements = elements
        atoms.positions = positions
        for store in stores where store.role == .other {
            let values = store.field.name == "move_mask" ? store.values.asLogical : store.values
            atoms.columns[store.field.name] = Column(width: store.field.width, values: values)
        }
    }
}

/// The words of a line, read one after the other.
struct Tokens {
    private let line: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// Start of the last word.
    private(set) var start = 0

    init(_ line: UnsafeBufferPointer<UInt8>) { self.line = line }

    @inline(__always)
    mutating func next() -> UnsafeBufferPointer<UInt8>? {
        let count = line.count
        while position < count, line[position] <= 0x20 { position += 1 }
        guard position < count else { return nil }
        start = position
        while position < count, line[position] > 0x20 { position += 1 }
        return UnsafeBufferPointer(rebasing: line[start..<position])
    }

    @inline(__always)
    mutating func required(_ what: StaticString) throws(LineFault) -> UnsafeBufferPointer<UInt8> {
        guard let token = next() else {
            throw LineFault("expected \(what), found the end of the line", at: line.count)
        }
        return token
    }

    @inline(__always)
    mutating func real() throws(LineFault) -> Double {
        let token = try required("a real number")
        guard let value = NumberParsing.real(token) else {
            throw LineFault(
                "expected a real number, found \(quoted(token))", at: start, hint: Self.hint(on: token))
        }
        return value
    }

    /// Returns the usual spelling of a number that was written in another way; nil if the token is no such number.
    private static func hint(on token: UnsafeBufferPointer<UInt8>) -> String? {
        let text = String(decoding: token, as: UTF8.self)
        let plain = text.map { character -> Character in
            switch character {
            case ",": "."
            case "\u{2212}", "\u{2013}", "\u{2012}": "-"
            default: character
            }
        }
        let number = String(plain)
        guard number != text, Double(number) != nil else { return nil }
        return "write \(number)"
    }

    mutating func integer() throws(LineFault) -> Int {
        let token = try required("an integer")
        guard let value = NumberParsing.integer(token) else {
            throw LineFault("expected an integer, found \(quoted(token))", at: start)
        }
        return value
    }

    mutating func boolean() throws(LineFault) -> Bool {
        let token = try required("T or F")
        switch String(decoding: token, as: UTF8.self) {
        case "T", "True", "TRUE", "true", "1": return true
        case "F", "False", "FALSE", "false", "0": return false
        default: throw LineFault("expected T or F, found \(quoted(token))", at: start)
        }
    }

    @inline(__always)
    mutating func element() throws(LineFault) -> Element {
        let token = try required("an element")
        if token.count == 1, let element = Element.oneLetter(token[0]) { return element }
        return try element(token)
    }

    /// Reads a symbol, or an atomic number as some programs write it.
    private func element(_ token: UnsafeBufferPointer<UInt8>) throws(LineFault) -> Element {
        let text = String(decoding: token, as: UTF8.self)
        if let element = Element(symbol: text) { return element }
        if let number = NumberParsing.integer(token), let element = Element(atomicNumber: number) {
            return element
        }
        let usual = Element(symbol: text.prefix(1).uppercased() + text.dropFirst().lowercased())
        throw LineFault(
            "\(quoted(token)) is not the symbol of an element", at: start,
            hint: usual.map { "did you mean \($0.symbol)?" })
    }
}

extension Element {
    @inline(__always)
    fileprivate static func oneLetter(_ byte: UInt8) -> Element? {
        switch byte {
        case UInt8(ascii: "H"): .hydrogen
        case UInt8(ascii: "C"): .carbon
        case UInt8(ascii: "S"): .sulfur
        default: nil
        }
    }
}

/// One column while it is being read.
private struct ColumnStore {
    enum Role { case species, position, other }

    let field: ColumnLayout.Field
    let role: Role
    private(set) var values: Column.Values

    init(_ field: ColumnLayout.Field, room: Int, areNumbersElements: Bool) {
        self.field = field
        role =
            switch field.name {
            case "species" where !areNumbersElements: .species
            case "Z" where areNumbersElements: .species
            case "pos": .position
            default: .other
            }
        let capacity = role == .other ? room * field.width : 0
        func empty<Value>() -> [Value] {
            var array: [Value] = []
            array.reserveCapacity(capacity)
            return array
        }
        values =
            switch field.kind {
            case .string: .string(empty())
            case .real: .real(empty())
            case .integer: .integer(empty())
            case .boolean: .boolean(empty())
            }
    }

    var lastInteger: Int? {
        if case .integer(let array) = values { array.last } else { nil }
    }

    mutating func append(from tokens: inout Tokens) throws(LineFault) {
        // The array is moved out and put back, which avoids a copy.
        switch values {
        case .real(var array):
            values = .real([])
            for _ in 0..<field.width { array.append(try tokens.real()) }
            values = .real(array)
        case .integer(var array):
            values = .integer([])
            for _ in 0..<field.width { array.append(try tokens.integer()) }
            values = .integer(array)
        case .boolean(var array):
            values = .boolean([])
            for _ in 0..<field.width { array.append(try tokens.boolean()) }
            values = .boolean(array)
        case .string(var array):
            values = .string([])
            for _ in 0..<field.width {
                array.append(String(decoding: try tokens.required("a word"), as: UTF8.self))
            }
            values = .string(array)
        }
    }
}

extension Column.Values {
    /// The numbers of the column as logical values: all but 0 are true, as ASE reads a `move_mask`.
    fileprivate var asLogical: Column.Values {
        switch self {
        case .integer(let values): .boolean(values.map { $0 != 0 })
        case .real(let values): .boolean(values.map { $0 != 0 })
        case .boolean, .string: self
        }
    }
}

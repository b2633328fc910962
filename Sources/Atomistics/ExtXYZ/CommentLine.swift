import OrderedCollections

/// The second line of a frame: `key=value` pairs, or a plain comment.
///
/// Keys and values stand bare or in double quotes; a value may also be an array, `[1, 2]` and
/// `[[1, 2], [3, 4]]` or the older `{1 2}` and `"1 2"`.
struct CommentLine {
    var values: OrderedDictionary<String, InfoValue> = [:]
    /// 0-based byte offset of each value, for messages.
    var offsets: [String: Int] = [:]
    /// The text of a line that is no list of pairs.
    var plainText: String?

    init(_ line: UnsafeBufferPointer<UInt8>) throws(LineFault) {
        let text = String(decoding: line, as: UTF8.self)
        // What no writer of pairs wrote is a comment; one that names columns has to be right.
        guard line.contains(UInt8(ascii: "=")) else {
            if line.contains(where: { !CommentScanner.isSpace($0) }) { plainText = text }
            return
        }
        do {
            try parse(line)
        } catch {
            guard !text.contains("Properties"), !text.contains("Lattice") else { throw error }
            (values, offsets, plainText) = ([:], [:], text)
        }
    }

    private mutating func parse(_ line: UnsafeBufferPointer<UInt8>) throws(LineFault) {
        var scanner = CommentScanner(line)
        scanner.skipSpace()
        while !scanner.isAtEnd {
            let start = scanner.position
            let key = try scanner.key()
            guard values[key] == nil else {
                throw LineFault("the key \(quoted(key.utf8)) stands twice", at: start)
            }
            offsets[key] = start
            if scanner.takeEqualsSign() {
                offsets[key] = scanner.position
                values[key] = try scanner.value()
            } else {
                values[key] = .bare
            }
            scanner.skipSpace()
        }
    }
}

/// Reads keys and values from left to right.
private struct CommentScanner {
    private let line: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ line: UnsafeBufferPointer<UInt8>) { self.line = line }

    var isAtEnd: Bool { position >= line.count }
    private var current: UInt8? { position < line.count ? line[position] : nil }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

    mutating func skipSpace() {
        while let byte = current, Self.isSpace(byte) { position += 1 }
    }

    /// Moves past ` = `; false, and nothing moved, where there is none.
    mutating func takeEqualsSign() -> Bool {
        let before = position
        skipSpace()
        guard current == UInt8(ascii: "=") else {
            position = before
            return false
        }
        position += 1
        skipSpace()
        return true
    }

    mutating func key() throws(LineFault) -> String {
        let start = position
        if current == UInt8(ascii: "\"") { return try quotedText() }
        let bytes = bareBytes { $0 == UInt8(ascii: "=") }
        guard !bytes.isEmpty else { throw LineFault("a key is missing before ‘=’", at: start) }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func value() throws(LineFault) -> InfoValue {
        let start = position
        switch current {
        case nil: throw LineFault("a value is missing after ‘=’", at: position)
        case UInt8(ascii: "\""):
            let text = try quotedText()
            if let rows = InfoValue(json: text) { return rows }
            let words = text.split(whereSeparator: \.isWhitespace)
            if words.count > 1, let array = InfoValue(numbersOrBooleans: words.map(String.init)) {
                return array
            }
            return .string(text)
        case UInt8(ascii: "{"):
            position += 1
            let words = try list(closing: UInt8(ascii: "}"))
            return InfoValue(words: words)
        case UInt8(ascii: "["):
            position += 1
            return try brackets(from: start)
        default:
            let bytes = bareBytes { _ in false }
            return InfoValue(word: String(decoding: bytes, as: UTF8.self))
        }
    }

    private mutating func bareBytes(_ isEnd: (UInt8) -> Bool) -> Slice<UnsafeBufferPointer<UInt8>> {
        let start = position
        while let byte = current, !Self.isSpace(byte), !isEnd(byte) { position += 1 }
        return line[start..<position]
    }

    private mutating func quotedText() throws(LineFault) -> String {
        let start = position
        position += 1
        var bytes: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let next = current else { break }
                position += 1
                switch next {
                case UInt8(ascii: "n"): bytes.append(10)
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(next)
                default: bytes += [byte, next]
                }
            default: bytes.append(byte)
            }
        }
        throw LineFault("a quotation mark is not closed", at: start)
    }

    /// One word of a list: bare or quoted.
    private mutating func word(closing: UInt8) throws(LineFault) -> String {
        if current == UInt8(ascii: "\"") { return try quotedText() }
        let bytes = bareBytes { $0 == closing || $0 == UInt8(ascii: ",") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Words separated by commas or space, up to and with the closing bracket.
    private mutating func list(closing: UInt8) throws(LineFault) -> [String] {
        let start = position - 1
        var words: [String] = []
        while true {
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                skipSpace()
            }
            guard let byte = current else { throw LineFault("a bracket is not closed", at: start) }
            if byte == closing {
                position += 1
                return words
            }
            let before = position
            words.append(try word(closing: closing))
            guard position > before else {
                throw LineFault("\(quoted([byte])) has no place in a list", at: position)
            }
        }
    }

    private mutating func brackets(from start: Int) throws(LineFault) -> InfoValue {
        skipSpace()
        let closing = UInt8(ascii: "]")
        guard current == UInt8(ascii: "[") else { return InfoValue(words: try list(closing: closing)) }
        var rows: [[String]] = []
        while true {
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "["):
                position += 1
                rows.append(try list(closing: closing))
            case closing:
                position += 1
                guard Set(rows.map(\.count)).count == 1 else {
                    throw LineFault("the rows of an array differ in length", at: start)
                }
                return InfoValue(rows: rows)
            default: throw LineFault("a bracket is not closed", at: start)
            }
        }
    }
}

extension InfoValue {
    /// A bare word: integer, real, boolean, else a string.
    init(word: String) {
        if let value = word.asInteger {
            self = .integer(value)
        } else if let value = word.asReal {
            self = .real(value)
        } else if let value = word.asBoolean {
            self = .boolean(value)
        } else {
            self = .string(word)
        }
    }

    /// A list: of the narrowest type that all its words have.
    init(words: [String]) {
        self = InfoValue(numbersOrBooleans: words) ?? .strings(words)
    }

    init?(numbersOrBooleans words: [String]) {
        if let values = allOf(words, \.asInteger) {
            self = .integers(values)
        } else if let values = allOf(words, \.asReal) {
            self = .reals(values)
        } else if let values = allOf(words, \.asBoolean) {
            self = .booleans(values)
        } else {
            return nil
        }
    }

    /// `_JSON [[1, 2], [3, 4]]`: how ASE writes an array of two dimensions; nil for any other text.
    init?(json text: String) {
        guard text.hasPrefix("_JSON [") else { return nil }
        let bytes = Array(text.utf8.dropFirst("_JSON ".utf8.count))
        let value = bytes.withUnsafeBufferPointer { buffer -> InfoValue? in
            var scanner = CommentScanner(buffer)
            guard let value = try? scanner.value(), scanner.isAtEnd else { return nil }
            return value
        }
        guard let value else { return nil }
        self = value
    }

    init(rows: [[String]]) {
        if let values = allOf(rows, { row in allOf(row, \.asInteger) }) {
            self = .integerRows(values)
        } else if let values = allOf(rows, { row in allOf(row, \.asReal) }) {
            self = .realRows(values)
        } else if let values = allOf(rows, { row in allOf(row, \.asBoolean) }) {
            self = .booleanRows(values)
        } else {
            self = .stringRows(rows)
        }
    }
}

/// All of them converted, or nil where one cannot be.
private func allOf<Source, Value>(_ values: [Source], _ convert: (Source) -> Value?) -> [Value]? {
    var result: [Value] = []
    result.reserveCapacity(values.count)
    for value in values {
        guard let converted = convert(value) else { return nil }
        result.append(converted)
    }
    return result
}

extension String {
    fileprivate var asInteger: Int? { withBytes(NumberParsing.integer) }
    fileprivate var asReal: Double? { withBytes(NumberParsing.real) }

    fileprivate var asBoolean: Bool? {
        switch self {
        case "T", "True", "TRUE", "true": true
        case "F", "False", "FALSE", "false": false
        default: nil
        }
    }

    private func withBytes<Value>(_ parse: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        Array(utf8).withUnsafeBufferPointer(parse)
    }
}

import OrderedCollections

/// The second line of a frame: `key=value` pairs, or a plain comment.
///
/// Keys and values are bare or in quotes, double or single; a value may also be an array: `[1, 2]`
/// and `[[1, 2], [3, 4]]`, or the older `{1 2}` and `"1 2"`.
struct CommentLine {
    var values: OrderedDictionary<String, InfoValue> = [:]
    /// 0-based byte offset of each value, for messages.
    var offsets: [String: Int] = [:]
    /// The whole line, if it is a plain comment instead of a list of pairs.
    var plainText: String?

    init(_ line: UnsafeBufferPointer<UInt8>) throws(LineFault) {
        let text = String(decoding: line, as: UTF8.self)
        // A line without `=`, or one that cannot be parsed, is a plain comment. A line that
        // declares columns or a lattice must be correct.
        guard line.contains(UInt8(ascii: "=")) else {
            if line.contains(where: { !CommentScanner.isSpace($0) }) { plainText = text }
            return
        }
        do throws(LineFault) {
            try parse(line)
            // "Lattice constant = 4.08" is a comment.
            for (key, value) in values where value == .bare && ["Lattice", "Properties", "pbc"].contains(key)
            {
                throw LineFault("\(key) has no value", at: offsets[key])
            }
        } catch {
            guard !text.contains("Properties="), !text.contains("Lattice=") else { throw error }
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
                throw LineFault("the key \(quoted(key.utf8)) appears twice", at: start)
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

/// A word of a list; a word in quotation marks is always text.
struct Word {
    var text: String
    var isQuoted: Bool
}

/// Reads keys and values from left to right.
struct CommentScanner {
    private let line: UnsafeBufferPointer<UInt8>
    private let isJSON: Bool
    private(set) var position = 0
    /// True if a list had a word without quotation marks.
    private(set) var hasBareWords = false

    /// - Parameter isJSON: whether text in quotation marks uses JSON's escapes.
    init(_ line: UnsafeBufferPointer<UInt8>, isJSON: Bool = false) {
        self.line = line
        self.isJSON = isJSON
    }

    var isAtEnd: Bool { position >= line.count }
    private var current: UInt8? { position < line.count ? line[position] : nil }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

    mutating func skipSpace() {
        while let byte = current, Self.isSpace(byte) { position += 1 }
    }

    /// Moves past ` = `; returns false, without moving, if there is none.
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
        if Self.isQuotationMark(current) { return try quotedText() }
        let bytes = bareBytes { $0 == UInt8(ascii: "=") }
        guard !bytes.isEmpty else { throw LineFault("a key is missing before ‘=’", at: start) }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func value() throws(LineFault) -> InfoValue {
        let start = position
        switch current {
        case nil: throw LineFault("a value is missing after ‘=’", at: position)
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return InfoValue(quoted: try quotedText())
        case UInt8(ascii: "{"):
            position += 1
            let words = try list(closing: UInt8(ascii: "}"))
            return words.count == 1 ? InfoValue(words[0]) : InfoValue(words)
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

    /// Returns true for a double quotation mark, and for a single one, which ASE accepts but JSON does not.
    private static func isQuotationMark(_ byte: UInt8?) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
    }

    mutating func quotedText() throws(LineFault) -> String {
        let start = position
        let mark = line[position]
        position += 1
        var bytes: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case mark: return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let next = current else { break }
                position += 1
                switch next {
                case UInt8(ascii: "n"): bytes.append(10)
                case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): bytes.append(next)
                case UInt8(ascii: "u") where isJSON: bytes += try codePoint().utf8
                case _ where isJSON:
                    let escapes: [UInt8: UInt8] = [0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x72: 13, 0x74: 9]
                    guard let byte = escapes[next] else { fallthrough }
                    bytes.append(byte)
                default: bytes += [byte, next]
                }
            default: bytes.append(byte)
            }
        }
        throw LineFault("a quotation mark is not closed", at: start)
    }

    /// Reads the four hexadecimal digits after `\u`; a code point beyond 16 bits takes two such escapes.
    private mutating func codePoint() throws(LineFault) -> Character {
        func unit() throws(LineFault) -> UInt32 {
            let digits = String(decoding: line[position..<min(position + 4, line.count)], as: UTF8.self)
            guard digits.utf8.count == 4, let unit = UInt32(digits, radix: 16) else {
                throw LineFault("an escape is not four hexadecimal digits", at: position)
            }
            return unit
        }
        var value = try unit()
        position += 4
        if 0xD800..<0xDC00 ~= value, current == UInt8(ascii: "\\") {
            position += 2
            let low = try unit()
            position += 4
            value = 0x10000 + (value - 0xD800) << 10 + (low & 0x3FF)
        }
        return Character(Unicode.Scalar(value) ?? "\u{FFFD}")
    }

    /// Reads one word of a list, bare or quoted.
    private mutating func word(closing: UInt8) throws(LineFault) -> Word {
        if Self.isQuotationMark(current), !isJSON || current == UInt8(ascii: "\"") {
            return Word(text: try quotedText(), isQuoted: true)
        }
        let bytes = bareBytes { $0 == closing || $0 == UInt8(ascii: ",") }
        hasBareWords = true
        return Word(text: String(decoding: bytes, as: UTF8.self), isQuoted: false)
    }

    /// Reads words separated by commas or spaces, up to and including the closing bracket.
    private mutating func list(closing: UInt8) throws(LineFault) -> [Word] {
        let start = position - 1
        var words: [Word] = []
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
                throw LineFault("\(quoted([byte])) is not allowed in a list", at: position)
            }
        }
    }

    private mutating func brackets(from start: Int) throws(LineFault) -> InfoValue {
        skipSpace()
        let closing = UInt8(ascii: "]")
        guard current == UInt8(ascii: "[") else { return InfoValue(try list(closing: closing)) }
        var rows: [[Word]] = []
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
                return InfoValue(rows)
            case nil: throw LineFault("a bracket is not closed", at: start)
            default:
                throw LineFault("expected a row of an array", at: position, hint: "as in [[1, 2], [3, 4]]")
            }
        }
    }
}

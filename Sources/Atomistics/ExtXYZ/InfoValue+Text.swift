extension InfoValue {
    /// Reads a bare word as an integer, a real or a boolean, otherwise as a string.
    init(word: String) {
        self = InfoValue(numbersOrBooleans: [word])?.onlyElement ?? .string(word)
    }

    init(_ word: Word) { self = word.isQuoted ? .string(word.text) : InfoValue(word: word.text) }

    /// Reads text in quotation marks as one or several numbers or logical values, as text, or as `_JSON` followed by an
    /// array or text, which is how ASE writes values that the format cannot express.
    init(quoted text: String) {
        if let value = InfoValue(json: text) {
            self = value
            return
        }
        let words = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
        if !words.isEmpty, let array = InfoValue(numbersOrBooleans: words) {
            self = array.onlyElement ?? array
        } else {
            self = .string(text)
        }
    }

    /// Reads a list, with the narrowest type that fits all its words.
    init(_ words: [Word]) {
        let texts = words.map(\.text)
        let array = words.contains(where: \.isQuoted) ? nil : InfoValue(numbersOrBooleans: texts)
        self = array ?? .strings(texts)
    }

    init(_ rows: [[Word]]) {
        let texts = rows.map { $0.map(\.text) }
        if rows.contains(where: { $0.contains(where: \.isQuoted) }) {
            self = .stringRows(texts)
        } else if let values = allOf(texts, { row in allOf(row, \.asInteger) }) {
            self = .integerRows(values)
        } else if let values = allOf(texts, { row in allOf(row, \.asReal) }) {
            self = .realRows(values)
        } else if let values = allOf(texts, { row in allOf(row, \.asBoolean) }) {
            self = .booleanRows(values)
        } else {
            self = .stringRows(texts)
        }
    }

    private init?(numbersOrBooleans words: [String]) {
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

    /// Reads `_JSON [[1, 2], [3, 4]]` or `_JSON "text"`. Returns nil for any other text, and for JSON without an
    /// equivalent value (objects, null, arrays of mixed types or of three dimensions), which is kept as text.
    private init?(json text: String) {
        guard text.hasPrefix("_JSON [") || text.hasPrefix("_JSON \"") else { return nil }
        let bytes = Array(text.utf8.dropFirst("_JSON ".utf8.count))
        let value = bytes.withUnsafeBufferPointer { buffer -> InfoValue? in
            var scanner = CommentScanner(buffer, isJSON: true)
            if buffer[0] == UInt8(ascii: "\"") {
                guard let text = try? scanner.quotedText(), scanner.isAtEnd else { return nil }
                return .string(text)
            }
            guard let value = try? scanner.value(), scanner.isAtEnd else { return nil }
            switch value {
            case .strings, .stringRows: return scanner.hasBareWords ? nil : value
            default: return value
            }
        }
        guard let value else { return nil }
        self = value
    }

    private var onlyElement: InfoValue? {
        switch self {
        case .integers(let values) where values.count == 1: .integer(values[0])
        case .reals(let values) where values.count == 1: .real(values[0])
        case .booleans(let values) where values.count == 1: .boolean(values[0])
        default: nil
        }
    }
}

/// Converts all values; returns nil if one cannot be converted.
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
    /// The text as an integer. Nil for `007` as well, because that is a name and not a number.
    fileprivate var asInteger: Int? { isName ? nil : withBytes(NumberParsing.integer) }

    /// The text as a real number. Nil also for an integer that is too large, because a real number would lose some of
    /// its digits.
    fileprivate var asReal: Double? {
        guard !isName else { return nil }
        if let integer = asInteger { return Double(integer) }
        return unsigned.allSatisfy { 0x30...0x39 ~= $0 } ? nil : withBytes(NumberParsing.real)
    }

    private var unsigned: Substring.UTF8View {
        (hasPrefix("-") || hasPrefix("+") ? dropFirst() : self[...]).utf8
    }

    /// Whether the text begins with a zero and another digit, like `007`.
    private var isName: Bool {
        var digits = unsigned.makeIterator()
        return digits.next() == 0x30 && digits.next().map { 0x30...0x39 ~= $0 } ?? false
    }

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

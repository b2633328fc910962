import CYAML

/// The reason why a text cannot be read any further.
struct YAMLFault: Error {
    let diagnostic: Diagnostic

    init(_ code: String, _ message: String, at mark: TextMark?, hint: String? = nil) {
        diagnostic = Diagnostic(code: code, at: mark, message: message, hint: hint)
    }
}

extension TextMark {
    init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    /// Converts the offset of a byte to line and column.
    init(offset: Int, in text: [UInt8]) {
        var (line, start) = (1, 0)
        while true {
            let end = text.endOfLine(from: start)
            guard end < offset, end < text.count else { break }
            start = end + text.lineBreakLength(at: end)
            line += 1
        }
        let before = text[start..<max(start, min(offset, text.count))]
        // Every Unicode scalar has exactly one byte that is not a continuation byte.
        self.init(line: line, column: 1 + before.count { $0 & 0xC0 != 0x80 })
    }
}

// Converts libyaml's messages to messages for users.
extension YAMLFault {
    /// - Precondition: the parser has failed.
    init(_ parser: yaml_parser_t, text: [UInt8]) {
        let problem = parser.problem.map { String(cString: $0) } ?? "the file cannot be read"
        switch parser.error {
        case YAML_READER_ERROR: self.init(reading: problem, parser, text)
        case YAML_MEMORY_ERROR: self.init("too-large", "not enough memory to read the file", at: nil)
        default: self.init(problem, parser, text)
        }
    }

    private init(reading problem: String, _ parser: yaml_parser_t, _ text: [UInt8]) {
        var offset = Int(parser.problem_offset)
        if problem.hasPrefix("invalid trailing") {
            // libyaml's mark is the start of the multi-byte sequence, not the invalid byte in it.
            offset = text.prefix(offset).lastIndex { $0 >= 0xC0 } ?? offset
        }
        let mark = TextMark(offset: offset, in: text)
        if text.starts(with: [0xFE, 0xFF]) || text.starts(with: [0xFF, 0xFE]) {
            self.init("encoding", "the file is UTF-16 text", at: mark, hint: "save the file as UTF-8")
        } else if problem.hasPrefix("control") {
            let value = UInt32(truncatingIfNeeded: parser.problem_value)
            self.init(
                "encoding", "the character U+\(Self.hex(value, 4)) is not allowed in a text", at: mark,
                hint: "remove it; in quotation marks it can be written as an escape")
        } else {
            let byte = offset < text.count ? UInt32(text[offset]) : 0
            self.init(
                "encoding", "the byte 0x\(Self.hex(byte, 2)) is not UTF-8 here", at: mark,
                hint: "save the file as UTF-8")
        }
    }

    private init(_ problem: String, _ parser: yaml_parser_t, _ text: [UInt8]) {
        let mark = TextMark(parser.problem_mark)
        let isOver = problem.contains("document start")
        var message = isOver ? "the document ends before this line" : problem
        if let context = parser.context.map({ String(cString: $0) }),
            context.hasPrefix("while parsing a") || context.contains("quoted")
        {
            message += " \(context)"
            let start = TextMark(parser.context_mark)
            if start.line != mark.line, start < mark { message += " that begins in line \(start.line)" }
        }
        self.init("syntax", message, at: mark, hint: Self.hint(problem, mark, text))
    }

    private static func hint(_ problem: String, _ mark: TextMark, _ text: [UInt8]) -> String? {
        var start = 0
        for _ in 1..<max(1, mark.line) {
            let end = text.endOfLine(from: start)
            start = end + text.lineBreakLength(at: end)
        }
        let line = text[start..<text.endOfLine(from: start)]
        if line.prefix(while: { $0 == 0x20 || $0 == 0x09 }).contains(0x09) {
            return "indent with spaces, not with tabs"
        }
        return hints.first { problem.contains($0.0) }?.1
    }

    private static let hints = [
        ("mapping values are not allowed", "is the indentation right? Text with ‘: ’ needs quotation marks"),
        ("cannot start any token", "text that begins with such a character needs quotation marks"),
        (
            "could not find expected ':'",
            "a mapping has ‘key: value’ in every line, with a space after the colon"
        ),
        ("document start", "are the keys of one mapping indented alike?"),
        ("did not find expected key", "are the keys of one mapping indented alike?"),
        ("did not find expected '-' indicator", "are the elements of one list indented alike?"),
        ("expected ',' or", "separate the elements by commas, and close every bracket"),
        ("unexpected end of stream", "close the quotation marks"),
        ("block sequence entries are not allowed", "begin a list on a new line"),
        ("unknown escape character", "in text with backslashes use single quotation marks"),
    ]

    private static func hex(_ value: UInt32, _ digits: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

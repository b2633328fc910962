import CYAML

/// Bounds of what is read: a job file is small, whatever it says.
public struct YAMLLimits: Sendable {
    public var bytes = 16 << 20
    public var depth = 32
    public var nodes = 100_000

    public init() {}
}

extension YAMLNode {
    /// Reads one YAML document. Anchors, aliases and tags are refused: nothing here needs them.
    ///
    /// - Returns: the document's root, or what is wrong with the text; duplicate keys are reported beside
    ///   the first of each.
    public static func parse(
        _ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
    ) -> (root: YAMLNode?, diagnostics: [Diagnostic]) {
        guard bytes.count <= limits.bytes else {
            let message = "the file has \(bytes.count) bytes, more than the \(limits.bytes) allowed"
            return (nil, [Diagnostic(code: "too-large", at: nil, message: message)])
        }
        let builder = TreeBuilder(limits)
        do {
            // Some editors put a byte-order mark before UTF-8.
            let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
            let root = try EventReader(hasMark ? Array(bytes.dropFirst(3)) : bytes).read(builder)
            return (builder.diagnostics.hasErrors ? nil : root, builder.diagnostics)
        } catch {
            return (nil, builder.diagnostics + [error.diagnostic])
        }
    }
}

/// A reason to stop reading.
private struct YAMLFault: Error {
    let diagnostic: Diagnostic

    init(_ code: String, _ message: String, at mark: TextMark?, hint: String? = nil) {
        diagnostic = Diagnostic(code: code, at: mark, message: message, hint: hint)
    }
}

extension TextMark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}

/// Puts nodes together.
private final class TreeBuilder {
    private let limits: YAMLLimits
    private var nodeCount = 0
    var diagnostics: [Diagnostic] = []

    init(_ limits: YAMLLimits) { self.limits = limits }

    func node(_ event: borrowing Event, _ reader: EventReader, depth: Int) throws(YAMLFault) -> YAMLNode {
        let mark = event.mark
        nodeCount += 1
        guard nodeCount <= limits.nodes else {
            throw YAMLFault("too-large", "more than \(limits.nodes) values", at: mark)
        }
        guard depth <= limits.depth else {
            throw YAMLFault("too-deep", "nested deeper than \(limits.depth) levels", at: mark)
        }
        try event.refuseDecorations()
        switch event.type {
        case YAML_SCALAR_EVENT:
            let (text, isPlain) = event.scalar
            return YAMLNode(
                content: .scalar(text, isPlain: isPlain), mark: mark, width: event.width)
        case YAML_SEQUENCE_START_EVENT:
            var elements: [YAMLNode] = []
            while true {
                let next = try reader.next()
                if next.type == YAML_SEQUENCE_END_EVENT { break }
                elements.append(try node(next, reader, depth: depth + 1))
            }
            return YAMLNode(content: .sequence(elements), mark: mark, width: 1)
        case YAML_MAPPING_START_EVENT:
            return YAMLNode(content: .mapping(try entries(reader, depth)), mark: mark, width: 1)
        default:
            throw YAMLFault("syntax", "a value is expected here", at: mark)
        }
    }

    private func entries(_ reader: EventReader, _ depth: Int) throws(YAMLFault) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var seen: [String: TextMark] = [:]
        while true {
            let event = try reader.next()
            if event.type == YAML_MAPPING_END_EVENT { return entries }
            let key = try node(event, reader, depth: depth + 1)
            guard case .scalar(let text, _) = key.content else {
                throw YAMLFault("syntax", "a key must be a word", at: key.mark)
            }
            let value = try node(try reader.next(), reader, depth: depth + 1)
            if let first = seen[text] {
                guard diagnostics.count < MappingSchema.mostProblems else { continue }
                diagnostics.append(
                    Diagnostic(
                        code: "duplicate-key", at: key.mark, width: key.width,
                        keyPath: String(text.prefix(80)),
                        message: "the key ‘\(text.prefix(80))’ stands twice",
                        hint: "first in line \(first.line)"))
                continue
            }
            seen[text] = key.mark
            entries.append(YAMLNode.Entry(key: text, keyMark: key.mark, value: value))
        }
    }
}

/// One event of libyaml; owns what the library allocated for it.
private struct Event: ~Copyable {
    private var event: yaml_event_t

    init(_ event: yaml_event_t) { self.event = event }

    deinit {
        var event = event
        yaml_event_delete(&event)
    }

    var type: yaml_event_type_t { event.type }
    var mark: TextMark { TextMark(event.start_mark) }

    var width: Int {
        event.end_mark.line == event.start_mark.line
            ? Int(event.end_mark.column) - Int(event.start_mark.column) : 1
    }

    /// - Precondition: a scalar.
    var scalar: (text: String, isPlain: Bool) {
        let scalar = event.data.scalar
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return (String(decoding: bytes, as: UTF8.self), scalar.style == YAML_PLAIN_SCALAR_STYLE)
    }

    func refuseDecorations() throws(YAMLFault) {
        let (anchor, tag): (UnsafeMutablePointer<yaml_char_t>?, UnsafeMutablePointer<yaml_char_t>?) =
            switch event.type {
            case YAML_SCALAR_EVENT: (event.data.scalar.anchor, event.data.scalar.tag)
            case YAML_SEQUENCE_START_EVENT:
                (event.data.sequence_start.anchor, event.data.sequence_start.tag)
            case YAML_MAPPING_START_EVENT:
                (event.data.mapping_start.anchor, event.data.mapping_start.tag)
            default: (nil, nil)
            }
        if event.type == YAML_ALIAS_EVENT || anchor != nil {
            throw YAMLFault(
                "alias", "anchors and aliases (& and *) are not used here", at: mark,
                hint: "write the value out, or put the text in quotation marks")
        }
        if tag != nil {
            throw YAMLFault(
                "tag", "tags (!) are not used here", at: mark, hint: "put the text in quotation marks")
        }
    }
}

/// The events of a text, in order. Owns libyaml's parser.
private final class EventReader {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    init(_ text: [UInt8]) {
        // The parser keeps a pointer to the text.
        bytes = .allocate(capacity: text.count)
        _ = bytes.initialize(from: text)
        parser = .allocate(capacity: 1)
        let initialised = yaml_parser_initialize(parser)
        precondition(initialised == 1, "libyaml has memory for a parser")
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        bytes.deallocate()
    }

    func next() throws(YAMLFault) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw fault() }
        return Event(event)
    }

    /// The root of the one document; nil where the text is empty.
    func read(_ builder: TreeBuilder) throws(YAMLFault) -> YAMLNode? {
        _ = try next()
        let start = try next()
        guard start.type == YAML_DOCUMENT_START_EVENT else {
            throw YAMLFault("empty", "the file is empty", at: nil)
        }
        let root = try builder.node(try next(), self, depth: 0)
        _ = try next()
        let end = try next()
        guard end.type == YAML_STREAM_END_EVENT else {
            throw YAMLFault("many-documents", "a second document begins here", at: end.mark)
        }
        return root
    }

    private func fault() -> YAMLFault {
        let p = parser.pointee
        let problem = p.problem.map { String(cString: $0) } ?? "cannot be read"
        guard p.error != YAML_READER_ERROR else {
            let line = 1 + bytes.prefix(Int(p.problem_offset)).count { $0 == 10 }
            return YAMLFault(
                "encoding", "not UTF-8 text: \(problem)", at: TextMark(line: line, column: 1),
                hint: "save the file as UTF-8")
        }
        let mark = TextMark(p.problem_mark)
        let isTab =
            bytes.split(separator: 10, omittingEmptySubsequences: false).dropFirst(mark.line - 1).first
            .map { $0.prefix { $0 == 32 || $0 == 9 }.contains(9) } ?? false
        return YAMLFault(
            "syntax", problem, at: mark,
            hint: isTab ? "indent with spaces, not with tabs" : p.context.map { String(cString: $0) })
    }
}

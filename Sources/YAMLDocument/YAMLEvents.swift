import CYAML

/// One event of libyaml; owns the library's memory for it.
struct Event: ~Copyable {
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

    /// - Precondition: the event is a scalar.
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
                "alias", "anchors and aliases (& and *) are not supported", at: mark,
                hint: "write the value instead, or put the text in quotation marks")
        }
        if tag != nil {
            throw YAMLFault(
                "tag", "tags (!) are not supported", at: mark, hint: "put the text in quotation marks")
        }
    }
}

/// The events of a text, in order. Owns libyaml's parser.
final class EventReader {
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

    /// Returns the root of the single document.
    func read(_ builder: TreeBuilder) throws(YAMLFault) -> YAMLNode {
        try skip()
        let start = try next()
        guard start.type == YAML_DOCUMENT_START_EVENT else {
            throw YAMLFault("empty", "the file is empty", at: nil)
        }
        let root = try builder.node(try next(), self, depth: 0)
        try skip()
        let end = try next()
        guard end.type == YAML_STREAM_END_EVENT else {
            throw YAMLFault(
                "many-documents", "a second document begins here", at: end.mark,
                hint: "a file may have only one document")
        }
        return root
    }

    /// Skips one event: the start of the stream or the end of the document.
    private func skip() throws(YAMLFault) { _ = try next() }

    private func fault() -> YAMLFault {
        YAMLFault(parser.pointee, text: Array(bytes))
    }
}

import CYAML

/// Limits for the size of a YAML text, its depth and the number of its nodes. They are low, because files written by
/// people are small.
public struct YAMLLimits: Sendable {
    public var bytes = 1 << 20
    public var depth = 32
    public var nodes = 50_000

    public init() {}
}

extension YAMLNode {
    /// Reads one YAML document. Anchors, aliases, tags, directives and further documents are refused, because they are
    /// not needed.
    ///
    /// - Returns: the document's root if the text could be read, and the errors. If a key appears twice, the first
    ///   value is kept and the second is an error.
    public static func parse(
        _ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
    ) -> (root: YAMLNode?, diagnostics: [Diagnostic]) {
        guard bytes.count <= limits.bytes else {
            let message = "the file has \(bytes.count) bytes, more than the \(limits.bytes) allowed"
            return (nil, [Diagnostic(code: "too-large", at: nil, message: message)])
        }
        let builder = TreeBuilder(limits)
        do {
            let text = Array(bytes.withoutByteOrderMark)
            try refuseDirectives(text)
            let root = try EventReader(text).read(builder)
            return (root, builder.diagnostics)
        } catch {
            return (nil, builder.diagnostics + [error.diagnostic])
        }
    }

    /// Refuses directives, which are lines that begin with `%`. Libyaml compares each directive with all previous ones,
    /// so a file full of them would keep it busy for hours.
    private static func refuseDirectives(_ bytes: [UInt8]) throws(YAMLFault) {
        var from = 0
        while let at = bytes[from...].firstIndex(of: UInt8(ascii: "%")) {
            if bytes.isStartOfLine(at) {
                throw YAMLFault(
                    "directive", "directives (%) are not supported", at: TextMark(offset: at, in: bytes),
                    hint: "remove the line")
            }
            from = at + 1
        }
    }
}

/// A builder that assembles nodes from events.
final class TreeBuilder {
    private let limits: YAMLLimits
    private var nodeCount = 0
    var diagnostics: [Diagnostic] = []

    init(_ limits: YAMLLimits) { self.limits = limits }

    func node(_ event: borrowing Event, _ reader: EventReader, depth: Int) throws(YAMLFault) -> YAMLNode {
        let mark = event.mark
        nodeCount += 1
        guard nodeCount <= limits.nodes else {
            throw YAMLFault("too-large", "there are more than \(limits.nodes) values", at: mark)
        }
        guard depth <= limits.depth else {
            throw YAMLFault("too-deep", "the value is nested deeper than \(limits.depth) levels", at: mark)
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
            throw YAMLFault("syntax", "expected a value here", at: mark)
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
                diagnostics.append(
                    Diagnostic(
                        code: "duplicate-key", at: key.mark, width: key.width, keyPath: brief(text),
                        message: "the key ‘\(brief(text))’ appears twice",
                        hint: "the first one is in line \(first.line)"))
                guard diagnostics.count < MappingSchema.mostProblems else {
                    throw YAMLFault("too-large", "too many keys appear twice", at: key.mark)
                }
                continue
            }
            seen[text] = key.mark
            entries.append(YAMLNode.Entry(key: text, keyMark: key.mark, keyWidth: key.width, value: value))
        }
    }
}

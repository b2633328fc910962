/// A value in a YAML document, with its place in the text.
public struct YAMLNode: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var key: String
        public var keyMark: TextMark
        /// Length of the key in the file, in Unicode scalars, with its quotation marks.
        public var keyWidth: Int
        public var value: YAMLNode
    }

    public enum Content: Sendable, Equatable {
        /// `isPlain` means that the scalar is written without quotation marks, so it may be a number or a logical
        /// value.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    public var content: Content
    public var mark: TextMark
    /// Number of Unicode scalars that the caret line marks; 1 if the node has several lines.
    public var width: Int

    /// The node in messages: `a mapping`, `the text ‘x’`.
    public var summary: String {
        switch content {
        case .scalar(let text, _) where isNull: text.isEmpty ? "nothing" : "‘\(text)’, which means no value"
        case .scalar(let text, isPlain: true): "‘\(brief(text))’"
        case .scalar(let text, isPlain: false): "the text ‘\(brief(text))’"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    public var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar; nil for null and for a node that is no scalar.
    public var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// The value as an integer; nil if the node is not a decimal integer without quotation marks.
    public var integer: Int? {
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        return Int(text)
    }

    /// The value as a number; nil if the node is not a finite decimal number without quotation marks.
    public var number: Double? {
        guard case .scalar(let text, isPlain: true) = content,
            text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }

    public var boolean: Bool? {
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: return nil
        }
    }

    public subscript(_ key: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    public var elements: [YAMLNode]? {
        guard case .sequence(let nodes) = content else { return nil }
        return nodes
    }

    public var entries: [Entry]? {
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }
}

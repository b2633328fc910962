extension YAMLNode {
    /// One step of a path into a document.
    public enum Step: Sendable, Equatable {
        case key(String)
        /// Index of an element of a list, from 0.
        case index(Int)
    }

    /// Sets the value at a path. If the last step is a key that does not exist, the key is added.
    ///
    /// - Returns: false if a step before the last one does not exist.
    public mutating func set(_ value: YAMLNode, at path: ArraySlice<Step>) -> Bool {
        guard let step = path.first else {
            self = value
            return true
        }
        let rest = path.dropFirst()
        switch (step, content) {
        case (.key(let key), .mapping(var entries)):
            if let place = entries.firstIndex(where: { $0.key == key }) {
                guard entries[place].value.set(value, at: rest) else { return false }
            } else {
                guard rest.isEmpty else { return false }
                entries.append(Entry(key: key, keyMark: mark, keyWidth: 1, value: value))
            }
            content = .mapping(entries)
            return true
        case (.key(let key), .scalar) where isNull && rest.isEmpty:
            content = .mapping([Entry(key: key, keyMark: mark, keyWidth: 1, value: value)])
            return true
        case (.index(let index), .sequence(var nodes)):
            guard nodes.indices.contains(index), nodes[index].set(value, at: rest) else { return false }
            content = .sequence(nodes)
            return true
        default: return false
        }
    }

    /// The document as YAML in block style. Reading it gives the same values; comments are lost.
    public var yaml: String { lines.joined(separator: "\n") + "\n" }

    private var lines: [String] {
        switch content {
        case .scalar(let text, let isPlain): [isPlain ? text : YAMLScalar.quoted(text)]
        case .sequence(let nodes) where nodes.isEmpty: ["[]"]
        case .sequence(let nodes):
            nodes.flatMap { node in
                node.lines.enumerated().map { ($0 == 0 ? "- " : "  ") + $1 }
            }
        case .mapping(let entries) where entries.isEmpty: ["{}"]
        case .mapping(let entries):
            entries.flatMap { entry -> [String] in
                let key = YAMLScalar.text(entry.key)
                let lines = entry.value.lines
                return entry.value.isBlock ? ["\(key):"] + lines.map { "  " + $0 } : ["\(key): \(lines[0])"]
            }
        }
    }

    private var isBlock: Bool {
        switch content {
        case .scalar: false
        case .sequence(let nodes): !nodes.isEmpty
        case .mapping(let entries): !entries.isEmpty
        }
    }
}

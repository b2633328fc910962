public import YAMLDocument

/// A job file with placeholders: `${name}`, or `${fmax:-0.05}` with a default.
///
///     name: ${name}
///     structure: ${structure}
///     stages:
///       - dft: {fmax: ${fmax:-0.05}}
public struct JobTemplate: Sendable {
    private enum Piece: Sendable {
        case text(Substring)
        case placeholder(name: String, default: String?, line: Int)
    }

    private let pieces: [Piece]
    /// The file's name, for messages.
    public let file: String

    /// - Parameter file: the file's name.
    public init(_ text: String, file: String) {
        self.file = file
        var pieces: [Piece] = []
        var rest = text[...]
        var line = 1
        while let match = rest.firstMatch(of: /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}\n]*))?\}/) {
            let before = rest[..<match.range.lowerBound]
            pieces.append(.text(before))
            line += before.count { $0.isNewline }
            pieces.append(.placeholder(name: String(match.1), default: match.2.map(String.init), line: line))
            rest = rest[match.range.upperBound...]
        }
        pieces.append(.text(rest))
        self.pieces = pieces
    }

    /// Names of the placeholders, in the order of the text, each once.
    public var placeholders: [String] {
        var seen: Set<String> = []
        return pieces.compactMap { piece in
            guard case .placeholder(let name, _, _) = piece, seen.insert(name).inserted else { return nil }
            return name
        }
    }

    /// Returns the text with the values of the placeholders.
    ///
    /// - Throws: ``JobTemplateError`` if a placeholder has neither a value nor a default.
    public func text(_ values: [String: String]) throws(JobTemplateError) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let plain): text += plain
            case .placeholder(let name, let standard, let line):
                guard let value = values[name] ?? standard else {
                    throw JobTemplateError(
                        "\(file):\(line): error: ‘${\(name)}’ has no value\n  hint: --set \(name)=…, or a default in the file: ‘${\(name):-…}’",
                        hasPlace: true)
                }
                text += value
            }
        }
        return text
    }
}

/// An invalid template, or an invalid setting for a template.
public struct JobTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    /// Whether the description begins with file and line.
    public var hasPlace: Bool

    public init(_ description: String, hasPlace: Bool = false) {
        (self.description, self.hasPlace) = (description, hasPlace)
    }
}

/// A value of a job that is given in addition to its file: `stages.1.dft.fmax=0.02`.
///
/// The path follows the nesting of the file; lists are counted from 0 as in messages (`stages[1].dft.fmax` is the
/// same). `dft.fmax` sets that key in every dft stage.
public struct JobSetting: Sendable, Equatable {
    public var path: [YAMLNode.Step]
    /// The value as YAML.
    public var value: String
    private let text: String

    /// - Returns: nil for a text that is not `KEY=VALUE`.
    public init?(_ text: String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        let words = text[..<equals].replacing("[", with: ".").replacing("]", with: "")
            .split(separator: ".", omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty }) else { return nil }
        path = words.map { word in Int(word).map { .index($0) } ?? .key(String(word)) }
        value = String(text[text.index(after: equals)...])
        self.text = text
    }

    /// The name of the placeholder, if the path can name one; nil if it names a key inside the job.
    public var name: String? {
        guard path.count == 1, case .key(let name) = path[0] else { return nil }
        return name
    }

    /// Puts the value into a job's document.
    ///
    /// - Throws: ``JobTemplateError`` if the path does not exist in the job.
    public func apply(to root: inout YAMLNode) throws(JobTemplateError) {
        let (parsed, faults) = YAMLNode.parse(Array("value: \(value)\n".utf8))
        guard let node = parsed?["value"], !faults.hasErrors else {
            throw JobTemplateError("--set \(text): ‘\(value)’ is not a YAML value")
        }
        guard case .key(let first) = path[0], Self.kinds.contains(first) else {
            if let wrong = misdirected(in: root) { throw JobTemplateError("--set \(text): \(wrong)") }
            guard root.set(node, at: path[...]) else {
                throw JobTemplateError("--set \(text): the job has no such key")
            }
            return
        }
        var found = false
        for index in (root["stages"]?.elements ?? []).indices
        where root["stages"]?.elements?[index][first] != nil {
            found = root.set(node, at: [.key("stages"), .index(index)] + path) || found
        }
        guard found else { throw JobTemplateError("--set \(text): the job has no \(first) stage") }
    }

    private static let kinds: Set<String> = ["ml", "dft", "hybrid", "single-points"]

    /// Returns the problem of a path that names a stage by its number; nil if there is none.
    private func misdirected(in root: YAMLNode) -> String? {
        guard path.count > 2, path[0] == .key("stages"), case .index(let index) = path[1],
            case .key(let kind) = path[2], let stages = root["stages"]?.elements
        else { return nil }
        guard stages.indices.contains(index) else {
            return stages.count == 1
                ? "the job has one stage: stages.0" : "the job has stages.0 to stages.\(stages.count - 1)"
        }
        guard let own = stages[index].entries?.first?.key, own != kind else { return nil }
        return "stages.\(index) is \(own), not \(kind) (the first stage is stages.0)"
    }
}

/// What a value may be.
public indirect enum ValueSchema: Sendable {
    case integer(ClosedRange<Int>)
    /// A finite number in a range; above the lower end where `open`.
    case number(ClosedRange<Double>, open: Bool = false)
    case boolean
    /// Text; `check` says what is wrong with it.
    case text(pattern: String? = nil, check: @Sendable (String) -> TextProblem? = { _ in nil })
    case choice([String])
    case list(ValueSchema, count: ClosedRange<Int> = 0...10_000)
    case mapping(MappingSchema)
    /// One of several forms; `what` is how messages call them together.
    case either([ValueSchema], what: String)
}

/// What is wrong with a text, and what to do.
public struct TextProblem: Sendable {
    public var message: String
    public var hint: String?

    public init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// One key of a mapping.
public struct KeySchema: Sendable {
    public var name: String
    public var value: ValueSchema
    /// One sentence for the documentation.
    public var summary: String
    public var isRequired: Bool
    /// As it would stand in a file; nil where there is none.
    public var defaultText: String?

    public init(
        _ name: String, _ value: ValueSchema, required: Bool = false, default defaultText: String? = nil,
        _ summary: String
    ) {
        self.name = name
        self.value = value
        self.summary = summary
        isRequired = required
        self.defaultText = defaultText
    }
}

/// The keys of a mapping: what messages, decoding, documentation and JSON Schema are made from.
public struct MappingSchema: Sendable {
    public var keys: [KeySchema]
    /// Exactly one of the keys must stand there.
    public var isChoice: Bool

    public init(_ keys: [KeySchema], isChoice: Bool = false) {
        self.keys = keys
        self.isChoice = isChoice
    }

    /// Everything in which the node is not as described.
    public func problems(of node: YAMLNode, at path: String = "") -> [Diagnostic] {
        guard case .mapping(let entries) = node.content else {
            return [
                Diagnostic(
                    code: "wrong-type", at: node.mark, width: node.width, keyPath: path,
                    message: "expected a mapping of keys to values, found \(node.summary)",
                    hint: keys.isEmpty ? nil : "keys: \(keys.map(\.name).joined(separator: ", "))")
            ]
        }
        var problems: [Diagnostic] = []
        for entry in entries {
            guard problems.count < Self.mostProblems else { return problems + [Self.more(at: entry.keyMark)] }
            let word = String(entry.key.prefix(80))
            let keyPath = path.isEmpty ? word : "\(path).\(word)"
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                problems.append(unknown(entry, word, keyPath))
                continue
            }
            if entry.value.isNull {
                problems.append(
                    Diagnostic(
                        code: "no-value", at: entry.keyMark, width: entry.key.count, keyPath: keyPath,
                        message: "‘\(entry.key)’ has no value", hint: "expected \(key.value.what)"))
                continue
            }
            problems += key.value.problems(of: entry.value, at: keyPath)
        }
        for key in keys where key.isRequired && !entries.contains(where: { $0.key == key.name }) {
            problems.append(
                Diagnostic(
                    code: "missing-key", at: node.mark, keyPath: path,
                    message: "the key ‘\(key.name)’ is missing", hint: key.summary))
        }
        if isChoice, entries.count != 1 {
            problems.append(
                Diagnostic(
                    code: "wrong-choice", at: node.mark, keyPath: path,
                    message:
                        "expected one of \(names), found \(entries.isEmpty ? "none" : "\(entries.count) keys")"
                ))
        }
        return problems
    }

    private var names: String { keys.map { "‘\($0.name)’" }.joined(separator: ", ") }

    /// Whoever has so many mistakes has another kind of file; more would only take time.
    static let mostProblems = 50

    static func more(at mark: TextMark) -> Diagnostic {
        Diagnostic(code: "too-many", at: mark, message: "more mistakes from here on are not shown")
    }

    private func unknown(_ entry: YAMLNode.Entry, _ word: String, _ keyPath: String) -> Diagnostic {
        let hint =
            closest(to: word, among: keys.map(\.name)).map { "did you mean ‘\($0)’?" }
            ?? "known here: \(keys.map(\.name).joined(separator: ", "))"
        return Diagnostic(
            code: "unknown-key", at: entry.keyMark, width: word.count, keyPath: keyPath,
            message: "there is no key ‘\(word)’ here", hint: hint)
    }
}

extension ValueSchema {
    /// `a number from 0 to 1`: as messages and the documentation say it.
    public var what: String {
        switch self {
        case .integer(let range): "an integer\(Self.bounds(range.lowerBound, range.upperBound))"
        case .number(let range, let open):
            open
                ? "a number above \(plain(range.lowerBound))\(range.upperBound < 1e300 ? " and at most \(plain(range.upperBound))" : "")"
                : "a number\(Self.bounds(range.lowerBound, range.upperBound))"
        case .boolean: "true or false"
        case .text: "text"
        case .choice(let words): "one of \(words.joined(separator: ", "))"
        case .list: "a list"
        case .mapping: "a mapping"
        case .either(_, let what): what
        }
    }

    private static func bounds(_ low: Int, _ high: Int) -> String {
        high == .max ? (low == .min ? "" : " of at least \(low)") : " from \(low) to \(high)"
    }

    private static func bounds(_ low: Double, _ high: Double) -> String {
        high >= 1e300
            ? (low <= -1e300 ? "" : " of at least \(plain(low))") : " from \(plain(low)) to \(plain(high))"
    }

    func problems(of node: YAMLNode, at path: String) -> [Diagnostic] {
        func problem(_ code: String, _ message: String, hint: String? = nil) -> [Diagnostic] {
            [
                Diagnostic(
                    code: code, at: node.mark, width: node.width, keyPath: path, message: message, hint: hint)
            ]
        }
        func wrongType(hint: String? = nil) -> [Diagnostic] {
            problem("wrong-type", "expected \(what), found \(node.summary)", hint: hint)
        }
        switch self {
        case .integer(let range):
            guard let value = node.integer else { return wrongType() }
            return range.contains(value) ? [] : problem("out-of-range", "expected \(what), found \(value)")
        case .number(let range, let open):
            guard let value = node.number else { return wrongType() }
            let isInside = range.contains(value) && !(open && value == range.lowerBound)
            return isInside ? [] : problem("out-of-range", "expected \(what), found \(node.text ?? "")")
        case .boolean:
            return node.boolean != nil ? [] : wrongType()
        case .text(_, let check):
            guard let text = node.text else { return wrongType() }
            return check(text).map { problem("invalid-text", $0.message, hint: $0.hint) } ?? []
        case .choice(let words):
            guard let text = node.text else { return wrongType() }
            return words.contains(text)
                ? []
                : problem(
                    "unknown-choice", "expected \(what), found ‘\(text)’",
                    hint: closest(to: text, among: words).map { "did you mean ‘\($0)’?" })
        case .list(let element, let count):
            guard let nodes = node.elements else {
                return wrongType(hint: "a list stands in brackets, or one element a line after ‘- ’")
            }
            guard count.contains(nodes.count) else {
                return problem(
                    "out-of-range",
                    "expected \(count.lowerBound == 1 ? "at least one element" : "from \(count.lowerBound) to \(count.upperBound) elements"), found \(nodes.count)"
                )
            }
            var problems: [Diagnostic] = []
            for (index, node) in nodes.enumerated() {
                guard problems.count < MappingSchema.mostProblems else {
                    return problems + [MappingSchema.more(at: node.mark)]
                }
                problems += element.problems(of: node, at: "\(path)[\(index)]")
            }
            return problems
        case .mapping(let schema):
            return schema.problems(of: node, at: path)
        case .either(let forms, _):
            let attempts = forms.map { $0.problems(of: node, at: path) }
            if attempts.contains(where: \.isEmpty) { return [] }
            // What is nearest to right: a form of the same shape explains better than the whole list.
            let fitting = attempts.filter { !$0.contains { $0.code == "wrong-type" && $0.keyPath == path } }
            return fitting.first ?? wrongType()
        }
    }
}

/// A number without a useless `.0`.
func plain(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
}

/// The word that a person most likely meant; nil where none is near.
public func closest(to word: String, among candidates: [String]) -> String? {
    let best = candidates.map { ($0, editDistance(word.lowercased(), $0.lowercased())) }.min { $0.1 < $1.1 }
    guard let best, best.1 <= max(1, min(3, word.count / 2)) else { return nil }
    return best.0
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.prefix(64)), Array(b.prefix(64)))
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
        var row = [i + 1]
        for j in 0..<b.count {
            var cost = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, rows[i - 1][j - 1] + 1) }
            row.append(cost)
        }
        rows.append(row)
    }
    return rows[a.count][b.count]
}

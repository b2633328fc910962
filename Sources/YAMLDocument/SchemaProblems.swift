extension MappingSchema {
    /// Largest number of reported problems. A file with more mistakes probably has the wrong type, and checking the
    /// rest would only take time.
    static let mostProblems = 50

    /// Returns the problems of the node's keys and values according to the schema, about fifty at most.
    ///
    /// - Parameter path: key path of the node, for messages.
    public func problems(of node: YAMLNode, at path: String = "") -> [Diagnostic] {
        Checker(root: self).problems(of: node, self, at: path)
    }
}

/// Compares nodes with their schema.
private struct Checker {
    /// The schema of the whole document. If a key is misplaced, its correct places are found in this schema.
    let root: MappingSchema

    // MARK: Mappings

    func problems(of node: YAMLNode, _ schema: MappingSchema, at path: String) -> [Diagnostic] {
        guard let entries = node.entries else {
            let hint =
                schema.isChoice && schema.keys.contains { $0.name == node.text }
                ? "to use its defaults, write ‘\(node.text ?? ""): {}’"
                : schema.keys.isEmpty ? nil : "keys: \(list(schema.keys.map(\.name)))"
            return wrongType(node, .mapping(schema), path, hint: hint)
        }
        var problems: [Diagnostic] = []
        for entry in entries {
            guard problems.count < MappingSchema.mostProblems else {
                return problems + [more(from: entry.keyMark)]
            }
            let keyPath = path.isEmpty ? brief(entry.key) : "\(path).\(brief(entry.key))"
            guard let key = schema.keys.first(where: { $0.name == entry.key }) else {
                problems.append(unknown(entry, in: schema, keyPath))
                continue
            }
            if entry.value.isNull {
                problems.append(missingValue(entry, key, keyPath))
            } else {
                problems += self.problems(of: entry.value, key.value, at: keyPath)
            }
        }
        for key in schema.keys where key.isRequired && node[key.name] == nil {
            problems.append(
                Diagnostic(
                    code: "missing-key", at: node.mark, keyPath: path,
                    message: "the key ‘\(key.name)’ is missing", hint: key.summary))
        }
        if schema.isChoice { problems += choice(of: node, schema, entries, at: path) }
        return problems
    }

    private func missingValue(_ entry: YAMLNode.Entry, _ key: KeySchema, _ keyPath: String) -> Diagnostic {
        let hint =
            if case .mapping(let schema) = key.value, !schema.keys.contains(where: \.isRequired) {
                "to use its defaults, write ‘\(key.name): {}’"
            } else {
                "expected \(key.value.what)"
            }
        return Diagnostic(
            code: "no-value", at: entry.keyMark, width: entry.keyWidth, keyPath: keyPath,
            message: "‘\(key.name)’ has no value", hint: hint)
    }

    private func choice(
        of node: YAMLNode, _ schema: MappingSchema, _ entries: [YAMLNode.Entry], at path: String
    ) -> [Diagnostic] {
        let names = schema.keys.map(\.name)
        let known = entries.map(\.key).filter(names.contains)
        // The unknown key has already been reported, and it may be a misspelling of the missing one.
        if known.count == 1 || (known.isEmpty && !entries.isEmpty) { return [] }
        let found = known.isEmpty ? "none" : known.map { "‘\($0)’" }.joined(separator: " and ")
        return [
            Diagnostic(
                code: "wrong-choice", at: node.mark, keyPath: path,
                message: "expected one of \(names.map { "‘\($0)’" }.joined(separator: ", ")), found \(found)")
        ]
    }

    private func unknown(
        _ entry: YAMLNode.Entry, in schema: MappingSchema, _ keyPath: String
    ) -> Diagnostic {
        let names = schema.keys.map(\.name)
        let near = nearest(to: entry.key, among: names)
        let places = root.places(of: entry.key)
        let hint =
            !places.isEmpty
            ? "‘\(entry.key)’ is a key of \(places.joined(separator: " and "))"
            : !near.isEmpty
                ? "did you mean \(near.prefix(3).map { "‘\($0)’" }.joined(separator: " or "))?"
                : "keys allowed here: \(list(names))"
        return Diagnostic(
            code: "unknown-key", at: entry.keyMark, width: entry.keyWidth, keyPath: keyPath,
            message: "there is no key ‘\(brief(entry.key))’ here", hint: hint)
    }

    private func more(from mark: TextMark) -> Diagnostic {
        Diagnostic(code: "too-many", at: mark, message: "further mistakes from this line on are not shown")
    }

    // MARK: Values

    private func problem(
        _ code: String, _ node: YAMLNode, _ path: String, _ message: String, hint: String? = nil
    ) -> [Diagnostic] {
        [
            Diagnostic(
                code: code, at: node.mark, width: node.width, keyPath: path, message: message, hint: hint)
        ]
    }

    private func wrongType(
        _ node: YAMLNode, _ schema: ValueSchema, _ path: String, hint: String? = nil
    ) -> [Diagnostic] {
        problem(
            "wrong-type", node, path, "expected \(schema.what), found \(node.summary)",
            hint: hint ?? node.hint(towards: schema))
    }

    private func problems(of node: YAMLNode, _ schema: ValueSchema, at path: String) -> [Diagnostic] {
        switch schema {
        case .integer(let range):
            guard let value = node.integer else { return wrongType(node, schema, path) }
            return range.contains(value) ? [] : outOfRange(node, schema, path)
        case .number(let range, let open):
            guard let value = node.number else { return wrongType(node, schema, path) }
            let isInside = range.contains(value) && !(open && value == range.lowerBound)
            return isInside ? [] : outOfRange(node, schema, path)
        case .boolean:
            return node.boolean != nil ? [] : wrongType(node, schema, path)
        case .text(_, let check):
            guard let text = node.text else { return wrongType(node, schema, path) }
            return check(text).map { problem("invalid-text", node, path, $0.message, hint: $0.hint) } ?? []
        case .choice(let words):
            guard let text = node.text else { return wrongType(node, schema, path) }
            return words.contains(text)
                ? []
                : problem(
                    "unknown-choice", node, path, "expected \(schema.what), found \(node.summary)",
                    hint: closest(to: text, among: words).map { "did you mean ‘\($0)’?" })
        case .list(let element, let count):
            return problems(of: node, listOf: element, count, at: path)
        case .mapping(let schema):
            return problems(of: node, schema, at: path)
        case .dictionary(let value, _, let check):
            return problems(of: node, schema, dictionaryOf: value, check, at: path)
        case .either(let forms, _):
            if forms.isEmpty { return [] }
            let attempts = forms.map { problems(of: node, $0, at: path) }
            if attempts.contains(where: \.isEmpty) { return [] }
            // The user probably meant a form whose shape the node has. The problems with that form explain more than a
            // list of all forms.
            let fitting = attempts.filter { !$0.contains { $0.code == "wrong-type" && $0.keyPath == path } }
            guard let nearest = fitting.first else { return wrongType(node, schema, path) }
            guard nearest.count == 1, nearest[0].code == "unknown-choice", nearest[0].keyPath == path else {
                return nearest
            }
            return problem(
                "unknown-choice", node, path, "expected \(schema.what), found \(node.summary)",
                hint: nearest[0].hint)
        }
    }

    private func outOfRange(_ node: YAMLNode, _ schema: ValueSchema, _ path: String) -> [Diagnostic] {
        problem("out-of-range", node, path, "expected \(schema.what), found \(brief(node.text ?? ""))")
    }

    private func problems(
        of node: YAMLNode, _ schema: ValueSchema, dictionaryOf value: ValueSchema,
        _ check: (String) -> TextProblem?, at path: String
    ) -> [Diagnostic] {
        guard let entries = node.entries else { return wrongType(node, schema, path) }
        guard !entries.isEmpty else { return problem("out-of-range", node, path, "this mapping is empty") }
        var problems: [Diagnostic] = []
        for entry in entries {
            guard problems.count < MappingSchema.mostProblems else {
                return problems + [more(from: entry.keyMark)]
            }
            let keyPath = "\(path).\(brief(entry.key))"
            if let problem = check(entry.key) {
                problems.append(
                    Diagnostic(
                        code: "unknown-key", at: entry.keyMark, width: entry.keyWidth, keyPath: keyPath,
                        message: problem.message, hint: problem.hint))
            } else if entry.value.isNull {
                problems.append(
                    Diagnostic(
                        code: "no-value", at: entry.keyMark, width: entry.keyWidth, keyPath: keyPath,
                        message: "‘\(brief(entry.key))’ has no value", hint: "expected \(value.what)"))
            } else {
                problems += self.problems(of: entry.value, value, at: keyPath)
            }
        }
        return problems
    }

    private func problems(
        of node: YAMLNode, listOf element: ValueSchema, _ count: ClosedRange<Int>, at path: String
    ) -> [Diagnostic] {
        guard let nodes = node.elements else {
            return wrongType(
                node, .list(element, count: count), path,
                hint: "write a list in brackets, or one element per line after ‘- ’")
        }
        var problems: [Diagnostic] = []
        if !count.contains(nodes.count) {
            let wanted =
                nodes.count < count.lowerBound
                ? "at least \(elements(count.lowerBound))" : "at most \(elements(count.upperBound))"
            problems = problem(
                "out-of-range", node, path,
                "expected \(wanted), found \(nodes.count)")
        }
        for (index, node) in nodes.enumerated() {
            guard problems.count < MappingSchema.mostProblems else {
                return problems + [more(from: node.mark)]
            }
            problems += self.problems(of: node, element, at: "\(path)[\(index)]")
        }
        return problems
    }

    private func elements(_ count: Int) -> String { count == 1 ? "one element" : "\(count) elements" }

    /// Joins as many of the names as fit into one line.
    private func list(_ names: [String]) -> String {
        names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
    }
}

extension MappingSchema {
    /// Returns the paths of the mappings inside this one that have a key: `stages[].dft`.
    ///
    /// Only the paths of smallest depth are returned, because the deeper mappings have the same keys.
    fileprivate func places(of key: String) -> [String] {
        let all = paths(to: key, from: [])
        let depth = all.map(\.count).min() ?? 0
        let places = all.filter { $0.count == depth }
            .map { $0.isEmpty ? "the file itself" : "‘\($0.joined(separator: "."))’" }
        return places.count > 3 ? [] : places
    }

    fileprivate func paths(to key: String, from path: [String]) -> [[String]] {
        keys.flatMap { child in
            (child.name == key ? [path] : []) + child.value.paths(to: key, from: path + [child.name])
        }
    }
}

extension ValueSchema {
    fileprivate func paths(to key: String, from path: [String]) -> [[String]] {
        switch self {
        case .mapping(let schema): schema.paths(to: key, from: path)
        case .list(let element, _):
            element.paths(to: key, from: path.dropLast() + [(path.last ?? "") + "[]"])
        case .either(let forms, _): forms.flatMap { $0.paths(to: key, from: path) }
        case .integer, .number, .boolean, .text, .choice, .dictionary: []
        }
    }
}

/// A document after reading and checking: its root, or the errors.
public struct CheckedDocument: Sendable {
    /// The root of the document; nil if one of the diagnostics is an error.
    public let root: YAMLNode?
    /// The diagnostics in the order of their places.
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - file: the document's name in messages.
    ///   - problems: finds the errors of a document that is valid YAML.
    public init(_ bytes: [UInt8], file: String, problems: (YAMLNode) -> [Diagnostic]) {
        let (root, syntax) = YAMLNode.parse(bytes)
        let start = root?.mark ?? TextMark(line: 0, column: 0)
        let all = syntax + (root.map(problems) ?? [])
        diagnostics = all.sorted { ($0.mark ?? start) < ($1.mark ?? start) }
        report = DiagnosticRenderer(file: file, source: bytes).render(diagnostics)
        self.root = all.hasErrors ? nil : root
    }
}

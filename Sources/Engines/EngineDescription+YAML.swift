import Foundation
public import YAMLDocument

extension EngineDescription {
    /// The keys of one engine.
    public static let schema = MappingSchema([
        KeySchema(
            "ase", .text(check: checkTarget),
            "Class or function that makes an ASE calculator: module:Class, or file.py:function beside aurelax.yaml."
        ),
        KeySchema(
            "arguments", .either([], what: "a mapping of keyword arguments"), default: "{}",
            "Keyword arguments of the calculator."),
        KeySchema("python", .text(), default: "the spool's", "Python with ASE and the calculator."),
        KeySchema(
            "command", .list(.text(), count: 1...1000),
            "Program and arguments that connect to the socket: {input}, {host} and {port}, {socket}, {name}."),
        KeySchema("input", .text(), "Template of the program's input, beside aurelax.yaml."),
        KeySchema(
            "kind", .choice(Kind.allCases.map(\.rawValue)),
            default: "ml for ase (semiempirical for tblite), dft for command",
            "The kind of its results; those of ml are predictions."),
        KeySchema("threads", .integer(1...1024), default: "all", "Threads of the engine."),
        KeySchema(
            "charge", .choice(ElectronPassing.allCases.map(\.rawValue)),
            default: "as the calculator is known",
            "How charge and multiplicity are passed to the calculator: keywords, info (atoms.info), none."),
        KeySchema(
            "level_of_theory", .text(), default: "version and arguments", "Written into every frame."),
        KeySchema(
            "vacuum", .number(1...100), default: "no cell",
            "Empty space around a molecule, Å, for an engine that needs a periodic cell."),
        KeySchema(
            "timeout", .number(1...1_000_000), default: "3600", "Time-out of one evaluation, seconds."),
    ])

    @Sendable private static func checkTarget(_ text: String) -> TextProblem? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) })
            ? nil
            : TextProblem(
                "‘\(text.prefix(80))’ does not name a calculator",
                hint: "module:Class, as ‘tblite.ase:TBLite’, or file.py:function")
    }

    /// Checks the value of `engines:`.
    public static func problems(of engines: YAMLNode) -> [Diagnostic] {
        guard let entries = engines.entries else {
            return [
                Diagnostic(
                    code: "wrong-type", at: engines.mark, width: engines.width, keyPath: "engines",
                    message: "engines is \(engines.summary), expected a mapping of names to engines")
            ]
        }
        return entries.flatMap { entry in problems(of: entry.value, entry) }
    }

    private static func problems(of node: YAMLNode, _ entry: YAMLNode.Entry) -> [Diagnostic] {
        let path = "engines.\(entry.key)"
        func problem(_ code: String, _ node: YAMLNode, _ message: String, hint: String? = nil) -> Diagnostic {
            Diagnostic(
                code: code, at: node.mark, width: node.width, keyPath: path, message: message, hint: hint)
        }
        guard isName(entry.key) else {
            return [
                Diagnostic(
                    code: "invalid-text", at: entry.keyMark, width: entry.keyWidth, keyPath: path,
                    message: "‘\(entry.key.prefix(80))’ cannot be the name of an engine",
                    hint: "letters, digits, ‘-’, ‘_’ and ‘.’, beginning with a letter or digit, at most 64")
            ]
        }
        if ["gpaw", "tblite"].contains(entry.key) {
            return [problem("invalid-text", node, "‘\(entry.key)’ is the name of a built-in engine")]
        }
        // The arguments belong to the calculator, so no schema describes them.
        var known = node
        if let fields = node.entries {
            known.content = .mapping(fields.filter { $0.key != "arguments" })
        }
        var problems = schema.problems(of: known)
        guard !problems.hasErrors else { return problems }
        if (node["ase"] == nil) == (node["command"] == nil) {
            problems.append(
                problem(
                    "missing-key", node,
                    "an engine has either ‘ase’ or ‘command’, this one has "
                        + (node["ase"] == nil ? "neither" : "both")))
        }
        if let arguments = node["arguments"], arguments.entries == nil {
            problems.append(
                problem("wrong-type", arguments, "arguments is \(arguments.summary), expected a mapping"))
        }
        if let command = node["command"]?.elements {
            let words = command.compactMap(\.text).joined(separator: " ")
            if node["input"] == nil, !["{port}", "{socket}", "{name}"].contains(where: words.contains) {
                problems.append(
                    problem(
                        "missing-key", node, "the command does not receive a socket",
                        hint:
                            "give {host} and {port}, {socket} or {name} in the command, or an input that has them"
                    ))
            }
        }
        return problems
    }

    static func isName(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return text.utf8.count <= 64 && text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    /// Returns the engines from a value of `engines:` without problems.
    ///
    /// - Parameter folder: the folder of `aurelax.yaml`, where relative paths begin.
    public static func engines(_ node: YAMLNode, folder: String) -> [EngineDescription] {
        (node.entries ?? []).map { EngineDescription(name: $0.key, $0.value, folder: folder) }
    }

    private init(name: String, _ node: YAMLNode, folder: String) {
        let kind = node["kind"]?.text.flatMap(Kind.init)
        if let command = node["command"]?.elements {
            self.init(
                name: name,
                source: .command(
                    command.compactMap(\.text), input: node["input"]?.text.map { Self.path($0, in: folder) }),
                kind: kind)
        } else {
            var target = node["ase"]?.text ?? ""
            if target.contains(".py:") { target = Self.path(target, in: folder) }
            self.init(
                name: name,
                source: .calculator(target: target, arguments: node["arguments"].map(Self.json) ?? "{}"),
                kind: kind)
        }
        python = node["python"]?.text.map { $0.contains("/") ? Self.path($0, in: folder) : $0 }
        threads = node["threads"]?.integer
        passing = node["charge"]?.text.flatMap(ElectronPassing.init)
        levelOfTheory = node["level_of_theory"]?.text
        vacuum = node["vacuum"]?.number
        timeout = node["timeout"]?.number ?? timeout
    }

    private static func path(_ text: String, in folder: String) -> String {
        let expanded = (text as NSString).expandingTildeInPath
        return expanded.hasPrefix("/") ? expanded : folder + "/" + expanded
    }

    /// Converts YAML to JSON with the same values.
    private static func json(_ node: YAMLNode) -> String {
        switch node.content {
        case .sequence(let nodes): return "[" + nodes.map(json).joined(separator: ", ") + "]"
        case .mapping(let entries):
            return "{" + entries.map { "\(quoted($0.key)): \(json($0.value))" }.joined(separator: ", ") + "}"
        case .scalar(let text, _):
            if node.isNull { return "null" }
            if let value = node.integer { return "\(value)" }
            if let value = node.number { return "\(value)" }
            if let value = node.boolean { return "\(value)" }
            return quoted(text)
        }
    }

    private static func quoted(_ text: String) -> String {
        let data = (try? JSONEncoder().encode([text])) ?? Data()
        return String(decoding: data.dropFirst().dropLast(), as: UTF8.self)
    }
}

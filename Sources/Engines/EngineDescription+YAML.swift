import Foundation
public import YAMLDocument

extension EngineDescription {
    /// The keys that describe one engine in `aurelax.yaml`.
    public static let options = OptionTable(defaults: EngineDescription()) {
        OptionSpec<EngineDescription>(
            "ase", schema: .text(check: checkTarget),
            "Class or function that makes an ASE calculator: module:Class, or file.py:function beside aurelax.yaml."
        ) { $1 = EngineDescription(source: .calculator(target: $0.text ?? "", arguments: "{}")) }
        OptionSpec<EngineDescription>(
            "arguments", schema: .either([], what: "a mapping of keyword arguments"), default: "{}",
            "Keyword arguments of the calculator."
        ) { node, engine in
            guard case .calculator(let target, _) = engine.source else { return }
            engine.source = .calculator(target: target, arguments: json(node))
        }
        OptionSpec<EngineDescription>(
            "command", schema: .list(.text(), count: 1...1000),
            "Program and arguments that connect to the socket: {input}, {host} and {port}, {socket}, {name}."
        ) { $1 = EngineDescription(source: .command($0.elements?.compactMap(\.text) ?? [], input: nil)) }
        OptionSpec<EngineDescription>(
            "input", schema: .text(), "File beside aurelax.yaml with a template of the program's input."
        ) { node, engine in
            guard case .command(let words, _) = engine.source else { return }
            engine.source = .command(words, input: node.text)
        }
        OptionSpec(
            "python", unstored: \.python, .text(), default: "the spool's",
            "Python with ASE and the calculator.")
        OptionSpec(
            "species", unstored: \.species, .text(), default: "{symbol} {mass}",
            "Line for each element that replaces {species} in the input: {symbol}, {mass}, {number}.")
        OptionSpec(
            "kind", unstored: \.kind, .word(),
            default: "ml for ase (semiempirical for tblite), dft for command",
            "Kind of method; results of ml are written as predictions.")
        OptionSpec(
            "threads", unstored: \.threads, .integer(1...1024), default: "all", "Threads of the engine.")
        OptionSpec(
            "charge", unstored: \.passing, .word(), default: "depends on the calculator",
            "How charge and multiplicity are passed to the calculator: keywords, info (atoms.info), none.")
        OptionSpec(
            "level_of_theory", unstored: \.levelOfTheory, .text(), default: "version and arguments",
            "Level of theory that is written into every frame.")
        OptionSpec(
            "vacuum", unstored: \.vacuum, .number(1...100), default: "no cell",
            "Empty space around a molecule, Å, for an engine that needs a periodic cell.")
        OptionSpec(
            "timeout", unstored: \.timeout, .number(1...1_000_000), "Time-out of one evaluation, seconds.")
    }

    /// Makes a description without a name. It holds the defaults of an engine's keys.
    private init(source: Source = .calculator(target: "", arguments: "{}")) {
        self.init(name: "", source: source)
    }

    @Sendable private static func checkTarget(_ text: String) -> TextProblem? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) })
            ? nil
            : TextProblem(
                "‘\(text.prefix(80))’ does not name a calculator",
                hint: "module:Class, such as ‘tblite.ase:TBLite’, or file.py:function")
    }

    /// The Python script that runs an ASE calculator as an engine; packages contain a copy.
    public static var peerScript: [UInt8] { PackageResources.engine_peer_py }

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
        // The keys of `arguments` are the calculator's own, so no schema describes them.
        var known = node
        if let fields = node.entries {
            known.content = .mapping(fields.filter { $0.key != "arguments" })
        }
        var problems = options.schema.problems(of: known)
        guard !problems.hasErrors else { return problems }
        if (node["ase"] == nil) == (node["command"] == nil) {
            problems.append(
                problem(
                    "missing-key", node,
                    "an engine has either ‘ase’ or ‘command’, but this one has "
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

    /// Returns the engines from a valid value of `engines:`. Relative paths stay as they are written.
    public static func engines(_ node: YAMLNode) -> [EngineDescription] {
        (node.entries ?? []).map { entry in
            var engine = options.read(entry.value)
            engine.name = entry.key
            return engine
        }
    }

    /// Returns the engine with all paths made absolute.
    ///
    /// - Parameter folder: the folder of `aurelax.yaml`, where relative paths begin.
    public func resolved(in folder: String) -> EngineDescription {
        var engine = self
        switch source {
        case .calculator(let target, let arguments):
            if target.contains(".py:") {
                engine.source = .calculator(
                    target: Self.path(target, in: folder), arguments: arguments)
            }
        case .command(var words, let input):
            // The program runs in its own folder, so a relative path would name another file there.
            if let program = words.first, program.contains("/") { words[0] = Self.path(program, in: folder) }
            engine.source = .command(words, input: input.map { Self.path($0, in: folder) })
        }
        engine.python = python.map { $0.contains("/") ? Self.path($0, in: folder) : $0 }
        return engine
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

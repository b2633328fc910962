internal import Engines
internal import JobSpec
internal import Slurm
public import YAMLDocument

/// Validation, documentation and JSON Schema of `aurelax.yaml`, version 1, whose keys are declared in
/// `SpoolConfigurationTables.swift`.
public enum SpoolConfigurationSchema {
    public static var file: MappingSchema { SpoolConfiguration.options.schema }

    /// The tables of the documentation, by name.
    public static var tables: [(String, MappingSchema)] {
        file.tables(named: "config") + [("config.engines", EngineDescription.options.schema)]
    }

    public static var jsonSchema: String {
        file.jsonSchema(
            title: "aurelax configuration of a spool", id: "https://aurelax.invalid/schema/config-1.json")
    }

    /// Returns the problems of single keys, and the contradictions between keys.
    static func problems(of root: YAMLNode) -> [Diagnostic] {
        var problems = file.problems(of: root)
        if let engines = root["engines"] { problems += EngineDescription.problems(of: engines) }
        guard !problems.hasErrors, let slurm = root["slurm"] else { return problems }
        let limits = slurm["limits"].map { Resources.options.read($0) } ?? Resources()
        if let ml = root["ml"] { problems += excesses(ml, limits, path: "ml") }
        problems += excesses(slurm, limits, path: "slurm")
        problems += contradictions(slurm, root["ml"])
        for (index, rule) in (slurm["rules"]?.elements ?? []).enumerated() {
            problems += excesses(rule, limits, path: "slurm.rules[\(index)]")
            if let least = rule["min_atoms"]?.integer, let most = rule["max_atoms"]?.integer, least > most,
                let node = rule["max_atoms"]
            {
                problems.append(
                    Diagnostic(
                        code: "out-of-range", at: node.mark, width: node.width,
                        keyPath: "slurm.rules[\(index)].max_atoms",
                        message: "\(most) is below min_atoms, \(least), so the rule matches no structure"))
            }
        }
        return problems
    }

    /// Returns the problems of sbatch options that contradict other keys of the file.
    private static func contradictions(_ slurm: YAMLNode, _ ml: YAMLNode?) -> [Diagnostic] {
        guard let node = slurm["options"], let options = node.elements?.compactMap(\.text) else { return [] }
        let asking = [slurm] + [ml].compactMap { $0 } + (slurm["rules"]?.elements ?? [])
        guard
            let problem = BatchRules.problem(
                withOptions: options, asksForMemory: asking.contains { $0["memory"] != nil },
                asksForCPUs: asking.contains { $0["cpus"] != nil })
        else { return [] }
        return [
            Diagnostic(
                code: "contradiction", at: node.mark, width: node.width, keyPath: "slurm.options",
                message: problem)
        ]
    }

    private static func excesses(_ node: YAMLNode, _ limits: Resources, path: String) -> [Diagnostic] {
        Resources.excesses(node, limits, path: path) { "slurm.limits.\($0)" }
    }
}

internal import Engines
internal import JobSpec
internal import Slurm
public import YAMLDocument

/// The keys of `aurelax.yaml`, version 1: what validation, documentation and the JSON Schema share.
public enum SpoolConfigurationSchema {
    public static let file = MappingSchema([
        KeySchema("aurelax", .integer(1...1), required: true, "Version of this format: 1."),
        KeySchema("dft", .mapping(dft), "Executor of the packages of DFT stages."),
        KeySchema("ml", .mapping(ml), "Executor of ML stages."),
        KeySchema("slurm", .mapping(slurm), "Settings for packages and ML stages through Slurm."),
        KeySchema(
            "engines", .either([], what: "a mapping of names to engines"), default: "no engines",
            "Programs that give energies and forces to ML stages in place of a model, by name: docs/engines.md."
        ),
    ])

    public static let dft = MappingSchema([
        KeySchema(
            "executor", .choice(Executor.allCases.map(\.rawValue)), default: "manual",
            "manual: the package is written, and the daemon waits for its result; local: the daemon runs it; slurm."
        ),
        KeySchema(
            "python", .text(check: checkProgram), default: "the package's own choice",
            "Python with ASE and the engine, where the packages run."),
        KeySchema(
            "mpiexec", .text(check: checkProgram), default: "the package's own choice",
            "MPI launcher there: mpiexec, srun."),
    ])

    public static let ml = MappingSchema(
        [
            KeySchema(
                "executor", .choice([Executor.local, .slurm].map(\.rawValue)), default: "local",
                "local: the daemon itself; slurm: each stage is a Slurm job with one process."),
            KeySchema(
                "program", .text(check: checkProgram), default: "the daemon's own file",
                "The aurelax program on the nodes."),
            KeySchema(
                "models", .text(check: checkFolder), default: "where the daemon finds them",
                "Folder of models on the nodes' file system, searched first by the daemon."),
        ] + resources.filter { $0.name != "nodes" && $0.name != "tasks" })

    public static let slurm = MappingSchema(
        resources + [
            KeySchema(
                "setup", .list(.text(check: checkLine), count: 0...100), default: "[]",
                "Lines of shell before the run: module load, conda activate."),
            KeySchema(
                "options", .list(.text(check: checkOption), count: 0...100), default: "[]",
                "Further options of sbatch, each as --key or --key=value."),
            KeySchema(
                "rules", .list(.mapping(rule), count: 0...1000), default: "[]",
                "Resources for matching stages; all matching rules apply, later ones override."),
            KeySchema(
                "limits",
                .mapping(MappingSchema(Resources.options.schema.keys.filter { $0.name != "partition" })),
                "Upper limits for the request of a job, and for a resubmission with more resources."),
            KeySchema(
                "max_queued", .integer(1...100_000), default: "100",
                "Largest number of jobs of this spool in the queue, counting each element of an array."),
            KeySchema(
                "array_throttle", .integer(1...100_000), default: "20",
                "Largest number of elements of an array (single points, sets of a scan) that run at the same time."
            ),
            KeySchema(
                "resubmissions", .integer(0...1000), default: "10",
                "Largest number of resubmissions of a package after a time limit, a lost node and similar failures."
            ),
            KeySchema(
                "warning", .integer(1...86_400), default: "300",
                "Seconds before the time limit at which a run is told to end after its step."),
            KeySchema(
                "interval", .number(0.2...3600), default: "30", "Seconds between two polls of the queue."),
            KeySchema(
                "positions", .boolean, default: "true",
                "Query the places of waiting jobs: one more squeue at every second poll while some wait."
            ),
            KeySchema(
                "timeout", .number(0.2...600), default: "30",
                "Time-out of a Slurm command, seconds."),
            KeySchema(
                "settle", .number(0...3600), default: "30",
                "Seconds after the end of a run after which an unseen result counts as missing: shared file systems are slow."
            ),
        ])

    static let resources =
        Resources.options.schema.keys + [
            KeySchema("account", .text(check: checkName), "Account that is charged."),
            KeySchema("qos", .text(check: checkName), "Quality of service."),
            KeySchema("constraint", .text(check: checkConstraint), "Features of nodes."),
            KeySchema("cpus", .integer(1...100_000), "Processors of each process (--cpus-per-task)."),
        ]

    public static let rule = MappingSchema(
        [
            KeySchema(
                "kind", .choice([StageKind.ml, .dft].map(\.rawValue)), default: "dft",
                "Matches stages of this kind; dft includes single points."),
            KeySchema(
                "min_atoms", .integer(0...10_000_000), default: "0", "Matches this number of atoms or more."),
            KeySchema(
                "max_atoms", .integer(1...10_000_000), default: "no bound",
                "Matches this number of atoms or fewer."),
            KeySchema(
                "engine", .choice(DFTStage.Engine.allCases.map(\.rawValue)), default: "any",
                "Matches this engine."),
            KeySchema(
                "mode", .choice(DFTStage.Mode.allCases.map(\.rawValue)), default: "any",
                "Matches this mode of GPAW."),
            KeySchema("basis", .text(check: checkLine), default: "any", "Matches this basis set."),
        ] + resources)

    public static var jsonSchema: String {
        file.jsonSchema(
            title: "aurelax configuration of a spool", id: "https://aurelax.invalid/schema/config-1.json")
    }

    /// Problems within and between keys.
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
                        message: "\(most) is below min_atoms, \(least): the rule fits nothing"))
            }
        }
        return problems
    }

    /// Options of sbatch that contradict keys.
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

    @Sendable private static func checkLine(_ text: String) -> TextProblem? {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            ? nil : TextProblem("this is not one line", hint: "give each line an element of the list")
    }

    @Sendable private static func checkProgram(_ text: String) -> TextProblem? {
        checkLine(text)
            ?? (text.isEmpty || text.hasPrefix("-") ? TextProblem("‘\(text)’ is no program") : nil)
    }

    @Sendable private static func checkFolder(_ text: String) -> TextProblem? {
        checkLine(text)
            ?? (text.hasPrefix("/") ? nil : TextProblem("‘\(text)’ is no absolute path"))
    }

    @Sendable private static func checkOption(_ text: String) -> TextProblem? {
        BatchRules.problem(withOption: text).map { TextProblem($0) }
    }

    @Sendable private static func checkName(_ text: String) -> TextProblem? {
        BatchRules.isName(text)
            ? nil : TextProblem("‘\(text.prefix(80))’ has characters that no such name has")
    }

    @Sendable private static func checkConstraint(_ text: String) -> TextProblem? {
        BatchRules.isConstraint(text)
            ? nil : TextProblem("‘\(text.prefix(80))’ has characters that no constraint has")
    }
}

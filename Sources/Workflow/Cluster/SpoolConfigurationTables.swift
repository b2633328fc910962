internal import Engines
internal import JobSpec
internal import Slurm
public import YAMLDocument

extension SpoolConfiguration {
    /// The keys of `aurelax.yaml`.
    public static let options = OptionTable(defaults: SpoolConfiguration()) {
        OptionSpec<SpoolConfiguration>(
            "aurelax", schema: .integer(1...1), required: true, "Version of this format: 1."
        ) { _, _ in }
        OptionSpec("dft", unstored: \.self, .block(dft), "Executor of the packages of DFT stages.")
        OptionSpec("ml", unstored: \.ml, .block(MLConfiguration.options), "Executor of ML stages.")
        OptionSpec(
            "slurm", unstored: \.slurm, .block(SlurmConfiguration.options),
            "Settings for packages and ML stages through Slurm.")
        OptionSpec<SpoolConfiguration>(
            "engines", schema: .either([], what: "a mapping of names to engines"), default: "no engines",
            "Programs that give energies and forces in ML and DFT stages, by name: docs/engines.md."
        ) { node, configuration in configuration.engines = EngineDescription.engines(node) }
    }

    private static let dft = OptionTable(defaults: SpoolConfiguration()) {
        OptionSpec(
            "executor", unstored: \.executor, .word(),
            "manual: the package is written, and the daemon waits for its result; local: the daemon runs it; slurm."
        )
        OptionSpec(
            "python", unstored: \.python, .program, default: "the package's own choice",
            "Python with ASE and the engine, where the packages run.")
        OptionSpec(
            "mpiexec", unstored: \.mpiexec, .program, default: "the package's own choice",
            "MPI launcher where the packages run: mpiexec, srun.")
    }
}

extension MLConfiguration {
    static let options = OptionTable(defaults: MLConfiguration()) {
        OptionSpec(
            "executor", unstored: \.executor, .word([.local, .slurm]),
            "local: the daemon itself; slurm: each stage is a Slurm job with one process.")
        OptionSpec(
            "program", unstored: \.program, .program, default: "the daemon's own file",
            "The aurelax program on the nodes.")
        OptionSpec(
            "models", unstored: \.models, .text(check: checkFolder), default: "where the daemon finds them",
            "Folder of models on the nodes' file system, searched first by the daemon.")
        SlurmResources.options(of: \MLConfiguration.resources).filter {
            $0.key != "nodes" && $0.key != "tasks"
        }
    }

    @Sendable private static func checkFolder(_ text: String) -> TextProblem? {
        problemOfLine(text)
            ?? (text.hasPrefix("/") ? nil : TextProblem("‘\(text)’ is not an absolute path"))
    }
}

extension SlurmConfiguration {
    static let options = OptionTable(defaults: SlurmConfiguration()) {
        SlurmResources.options(of: \SlurmConfiguration.resources)
        OptionSpec(
            "setup", unstored: \.setup, .list(.text(check: problemOfLine), count: 0...100),
            "Lines of shell before the run: module load, conda activate.")
        OptionSpec(
            "options", unstored: \.options, .list(.text(check: checkOption), count: 0...100),
            "Further options of sbatch, each as --key or --key=value.")
        OptionSpec(
            "rules", unstored: \.rules, .list(.mapping(ResourceRule.options), count: 0...1000),
            "Resources for matching stages; all matching rules apply, later ones override.")
        OptionSpec(
            "limits", unstored: \.resubmission.limits.common, .block(limits),
            "Upper limits for the request of a job, and for a resubmission with more resources.")
        OptionSpec(
            "max_queued", unstored: \.maxQueued, .integer(1...100_000),
            "Largest number of jobs of this spool in the queue, counting each element of an array.")
        OptionSpec(
            "array_throttle", unstored: \.arrayThrottle, .integer(1...100_000),
            "Largest number of elements of an array (single points, sets of a scan) that run at the same time."
        )
        OptionSpec(
            "resubmissions", unstored: \.resubmission.most, .integer(0...1000),
            "Largest number of resubmissions of a package after a time limit, a lost node and similar failures."
        )
        OptionSpec(
            "warning", unstored: \.warning, .integer(1...86_400),
            "Seconds before the time limit at which a run receives a signal to end after its step.")
        OptionSpec(
            "interval", unstored: \.interval, .number(0.2...3600), "Seconds between two polls of the queue.")
        OptionSpec(
            "positions", unstored: \.positions, .boolean,
            "Show the place of a waiting job in the queue; while jobs wait, every second poll calls squeue once more."
        )
        OptionSpec(
            "timeout", unstored: \.timeout, .number(0.2...600), "Time-out of a Slurm command, seconds.")
        OptionSpec(
            "settle", unstored: \.settle, .number(0...3600),
            "Seconds to wait for the result after the end of a run, because shared file systems show new files late."
        )
    }

    /// The keys of `limits`: those of all requested resources except the partition, for which a limit has no
    /// meaning.
    static let limits = OptionTable(
        defaults: Resources(), Resources.options.options.filter { $0.key != "partition" })

    @Sendable private static func checkOption(_ text: String) -> TextProblem? {
        BatchRules.problem(withOption: text).map { TextProblem($0) }
    }
}

extension ResourceRule {
    static let options = OptionTable(defaults: ResourceRule()) {
        OptionSpec(
            "kind", unstored: \.kind, .word([.ml, .dft]),
            "Matches stages of this kind; dft includes single points.")
        OptionSpec(
            "min_atoms", unstored: \.minAtoms, .integer(0...10_000_000),
            "Matches this number of atoms or more.")
        OptionSpec(
            "max_atoms", unstored: \.maxAtoms, .integer(1...10_000_000), default: "no bound",
            "Matches this number of atoms or fewer.")
        OptionSpec(
            "engine", unstored: \.engine,
            OptionForm(
                .text(check: checkEngine), read: { $0.text.flatMap(DFTStage.Engine.init) },
                text: { YAMLScalar.text($0.rawValue) }),
            default: "any", "Matches this engine.")
        OptionSpec("mode", unstored: \.mode, .word(), default: "any", "Matches this mode of GPAW.")
        OptionSpec(
            "basis", unstored: \.basis, .text(check: problemOfLine), default: "any", "Matches this basis set."
        )
        SlurmResources.options(of: \ResourceRule.resources)
    }

    @Sendable private static func checkEngine(_ text: String) -> TextProblem? {
        DFTStage.Engine(rawValue: text) == nil
            ? TextProblem("‘\(text.prefix(80))’ cannot be the name of an engine") : nil
    }
}

extension SlurmResources {
    /// Returns these options as options of a type that contains a `SlurmResources`.
    static func options<Holder: Sendable>(
        of path: any WritableKeyPath<Holder, SlurmResources> & Sendable
    ) -> [OptionSpec<Holder>] { options.map { $0.of(path) } }

    private static let options =
        Resources.options(of: \SlurmResources.common) + [
            OptionSpec("account", unstored: \.account, .text(check: checkName), "Account that is charged."),
            OptionSpec("qos", unstored: \.qos, .text(check: checkName), "Quality of service."),
            OptionSpec(
                "constraint", unstored: \.constraint, .text(check: checkConstraint), "Features of nodes."),
            OptionSpec(
                "cpus", unstored: \.cpus, .integer(1...100_000),
                "Processors of each process (--cpus-per-task)."),
        ]

    /// The part of these resources that a job file may request, too.
    var common: Resources {
        get {
            var common = Resources()
            (common.partition, common.time, common.nodes) = (partition, time, nodes)
            (common.tasks, common.memory) = (tasks, memory)
            return common
        }
        set {
            (partition, time, nodes) = (newValue.partition, newValue.time, newValue.nodes)
            (tasks, memory) = (newValue.tasks, newValue.memory)
        }
    }

    @Sendable private static func checkName(_ text: String) -> TextProblem? {
        BatchRules.isName(text)
            ? nil : TextProblem("‘\(text.prefix(80))’ has characters that are not allowed in such a name")
    }

    @Sendable private static func checkConstraint(_ text: String) -> TextProblem? {
        BatchRules.isConstraint(text)
            ? nil : TextProblem("‘\(text.prefix(80))’ has characters that are not allowed in a constraint")
    }
}

extension SlurmLimits {
    /// These limits in the form of a request for as much as they allow.
    var common: Resources {
        get {
            var common = Resources()
            (common.time, common.nodes, common.tasks, common.memory) = (time, nodes, tasks, memory)
            return common
        }
        set {
            (time, nodes, tasks, memory) = (newValue.time, newValue.nodes, newValue.tasks, newValue.memory)
        }
    }
}

// MARK: Forms

extension OptionForm where Value == String {
    fileprivate static var program: Self {
        .text { text in
            problemOfLine(text)
                ?? (text.isEmpty || text.hasPrefix("-") ? TextProblem("‘\(text)’ is not a program") : nil)
        }
    }
}

@Sendable private func problemOfLine(_ text: String) -> TextProblem? {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        ? nil
        : TextProblem(
            "this text has a line break or a control character",
            hint: "write one line, or each line as an element of a list")
}

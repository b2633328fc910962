public import YAMLDocument

/// Fine optimisation with a method that lies outside aurelax.
public struct DFTStage: Sendable, Equatable {
    public enum Engine: String, Sendable, Codable, CaseIterable {
        case gpaw, tblite
    }

    public enum Mode: String, Sendable, Codable, CaseIterable {
        case lcao, fd, pw
    }

    /// The optimiser that takes the steps.
    public enum Optimizer: String, Sendable, Codable, CaseIterable {
        /// Learns a correction to the base from every gradient of the engine and relaxes on the sum.
        case learning
        case bfgs
    }

    public var engine: Engine = .gpaw
    /// GPAW only.
    public var mode: Mode = .lcao
    /// LCAO basis set; GPAW in LCAO mode only.
    public var basis = "dzp"
    /// Exchange–correlation functional; GPAW only.
    public var xc = "PBE"
    /// Grid spacing, Å; GPAW only.
    public var h = 0.2
    /// Plane-wave cutoff, eV; GPAW in PW mode only.
    public var cutoff = 400.0
    /// Empty space around the structure on every side, Å; GPAW only.
    public var vacuum = 5.0
    /// Width of the Fermi–Dirac smearing, eV; GPAW only.
    public var smearing = 0.05
    /// Convergence of the density, electrons per valence electron; GPAW only.
    public var densityConvergence = 1e-4
    public var fmax = 0.05
    public var maxSteps = 100
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.2
    public var move: MoveSelection = .all
    /// Nil for ``usedOptimizer``'s choice.
    public var optimizer: Optimizer?
    /// Base of the learning relaxation: a model, an engine, ``noBase``, ``learntPrefix`` and a job, or ``automaticBase``.
    public var base = automaticBase
    /// Relax on the base before the first gradient, unless an earlier stage has done so.
    public var baseFirst = true
    /// Start the optimiser from the model's Hessian where the model has one.
    public var hessian = true
    /// What the stage asks for where a batch system runs it.
    public var resources: Resources?

    public init() {}
}

extension DFTStage {
    public static let options = OptionTable(defaults: DFTStage()) {
        method
        OptionSpec(
            "fmax", \.fmax, .force, unit: "eV/Å",
            "Converged when the largest force on a moving atom is below this.")
        OptionSpec("max_steps", \.maxSteps, .integer(0...1_000_000), "Steps at most.")
        OptionSpec(
            "maxstep", \.maxStep, .number(0...1, open: true), unit: "Å", stored: "maxStep",
            "Largest displacement of an atom in one step.")
        OptionSpec("move", \.move, .atoms, MoveSelection.sentence)
        OptionSpec(
            "fix", \.move.fixed, .fixed, default: "no atom", AtomLists.sentence
        ).storedWithAnother
        OptionSpec(
            "optimizer", \.optimizer, .word(), default: "learning; bfgs for tblite and in a hybrid stage",
            "learning learns from every gradient what the base misses (docs/learning-relaxation.md); bfgs is ASE's."
        )
        OptionSpec(
            "base", \.base, .text(check: checkBase),
            "What learning corrects: a model, an engine, GFN1-xTB, GFN2-xTB, none, or learnt:JOB; auto is the job's "
                + "model, an engine of the spool or GFN1-xTB, the first that knows the structure.",
            idle: notLearning)
        OptionSpec(
            "base_first", \.baseFirst, .boolean,
            "Relax on the base before the first gradient, unless an ML stage did so or a dft stage came before.",
            idle: notLearning)
        OptionSpec(
            "hessian", \.hessian, .boolean,
            "Start the optimiser from the model's Hessian, where an ML stage came before and its model has one."
        )
        resources
    }

    /// How energy and forces of a geometry are calculated.
    static let method = OptionTable(defaults: DFTStage()) {
        OptionSpec(
            "engine", \.engine, .word(),
            "Program: gpaw (DFT), or tblite (GFN1-xTB, for quick local use; not DFT).")
        OptionSpec(
            "mode", \.mode, .word(), "GPAW: atomic orbitals, finite differences or plane waves.",
            idle: otherEngine)
        OptionSpec(
            "basis", \.basis, .text(check: JobSchema.checkWord), "GPAW in LCAO mode: basis set."
        ) { otherEngine($0) ?? otherMode($0, than: .lcao) }
        OptionSpec(
            "xc", \.xc, .text(check: JobSchema.checkWord), "GPAW: exchange–correlation functional.",
            idle: otherEngine)
        OptionSpec("h", \.h, .number(0.05...0.5), unit: "Å", "GPAW: grid spacing.", idle: otherEngine)
        OptionSpec(
            "cutoff", \.cutoff, .number(100...2000), unit: "eV", "GPAW in PW mode: plane-wave cutoff."
        ) { otherEngine($0) ?? otherMode($0, than: .pw) }
        OptionSpec(
            "vacuum", \.vacuum, .number(1...50), unit: "Å", "GPAW: empty space on every side.",
            idle: otherEngine)
        OptionSpec(
            "smearing", \.smearing, .number(0...1), unit: "eV", "GPAW: width of the Fermi–Dirac smearing.",
            idle: otherEngine)
        OptionSpec(
            "density_convergence", \.densityConvergence, .number(0...0.1, open: true),
            unit: "electrons per valence electron", "GPAW: convergence of the density.", idle: otherEngine)
    }.options

    static let resources = OptionSpec<DFTStage>(
        "resources", \.resources, .mapping(Resources.options), default: nil,
        "Where a batch system runs the stage: partition, time, nodes, tasks and memory, within the spool's limits."
    )

    private static let notLearning: @Sendable (DFTStage) -> String? = {
        $0.usedOptimizer == .learning ? nil : "the optimizer is bfgs"
    }

    @Sendable private static func checkBase(_ text: String) -> TextProblem? {
        let name = text.hasPrefix(learntPrefix) ? String(text.dropFirst(learntPrefix.count)) : text
        return Job.isName(name)
            ? nil
            : TextProblem(
                "‘\(text.prefix(80))’ is not a base",
                hint:
                    "the name of a model or an engine, GFN1-xTB, GFN2-xTB, none, auto, or learnt: and a job's name"
            )
    }

    private static let otherEngine: @Sendable (DFTStage) -> String? = {
        $0.engine == .gpaw ? nil : "it is a setting of GPAW"
    }

    private static func otherMode(_ stage: DFTStage, than mode: Mode) -> String? {
        stage.mode == mode ? nil : "the mode is \(stage.mode.rawValue), not \(mode.rawValue)"
    }
}

extension DFTStage: Codable {
    public init(from decoder: any Decoder) throws { self = try Self.options.decode(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try Self.options.encode(self, to: encoder) }
}

extension DFTStage {
    /// Before the name of a job whose gradients the base learns from.
    public static let learntPrefix = "learnt:"
    /// The word for a base that is chosen.
    public static let automaticBase = "auto"
    /// The base that is nothing but a quadratic model.
    public static let noBase = "none"

    /// The optimiser that takes the steps: by default learning, but not for tblite, whose gradient costs less than a fit.
    public var usedOptimizer: Optimizer { optimizer ?? (engine == .tblite ? .bfgs : .learning) }
}

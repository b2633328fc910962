public import YAMLDocument

/// Fine optimisation of the structure with an external program, the `engine`.
public struct DFTStage: Sendable, Equatable {
    /// The program that gives energies and forces.
    public enum Engine: RawRepresentable, Sendable, Hashable, Codable {
        case gpaw, tblite
        /// An engine that the spool's `aurelax.yaml` describes.
        case spool(String)

        /// Names that no engine of a spool can have.
        public static let builtIn = ["gpaw", "tblite"]

        public init?(rawValue: String) {
            switch rawValue {
            case "gpaw": self = .gpaw
            case "tblite": self = .tblite
            default:
                guard Job.isName(rawValue) else { return nil }
                self = .spool(rawValue)
            }
        }

        public var rawValue: String {
            switch self {
            case .gpaw: "gpaw"
            case .tblite: "tblite"
            case .spool(let name): name
            }
        }
    }

    public enum Mode: String, Sendable, Codable, CaseIterable {
        case lcao, fd, pw
    }

    /// The optimiser that takes the steps.
    public enum Optimizer: String, Sendable, Codable, CaseIterable {
        /// Learns a correction to the `base` from every gradient of the engine, and relaxes on the sum of base and
        /// correction.
        case learning
        case bfgs
    }

    public var engine: Engine = .gpaw
    /// Spin multiplicity 2S+1 for an engine of the spool. Nil means that the engine chooses it.
    public var multiplicity: Int?
    /// Atomic orbitals, finite differences or plane waves; GPAW only.
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
    /// Further settings of GPAW, from `gpaw:`. Nil means that the job gives none.
    public var gpaw: GPAWSettings?
    public var fmax = 0.05
    public var maxSteps = 100
    /// Largest displacement of an atom in one step, Å. Nil means ``defaultMaxStep`` for BFGS and
    /// ``defaultLearningMaxStep`` for the learning relaxation.
    public var maxStep: Double?
    public var move: MoveSelection = .all
    /// The optimiser that the job names. Nil means the default, see ``usedOptimizer``.
    public var optimizer: Optimizer?
    /// Base force field of the learning relaxation: the name of a model or an engine, ``learntPrefix`` followed by the
    /// name of a job, ``noBase`` or ``automaticBase``.
    public var base = automaticBase
    /// Whether the learning relaxation relaxes the structure on the base before the engine's first gradient. This is
    /// left out if an earlier stage has done it.
    public var baseFirst = true
    /// Once the forces are as small as requested, the learning relaxation continues while it expects the energy to fall
    /// by more than this, eV.
    public var expectedFall = 0.05
    /// Whether the optimiser starts from the Hessian of the job's model, if the model has one.
    public var hessian = true
    /// The resources that the stage requests from a batch system. Nil means the spool's resources.
    public var resources: Resources?

    public init() {}
}

extension DFTStage {
    public static let options = OptionTable(defaults: DFTStage()) {
        method
        OptionSpec(
            "fmax", \.fmax, .force, unit: "eV/Å",
            "Converged when the largest force on a moving atom is below this.")
        OptionSpec("max_steps", \.maxSteps, .integer(0...1_000_000), "Largest number of steps.")
        OptionSpec(
            "maxstep", \.maxStep, .number(0...1, open: true),
            default: "0.2; up to 0.6 for learning", unit: "Å", stored: "maxStep",
            "Largest displacement of an atom in one step.")
        OptionSpec("move", \.move, .atoms, MoveSelection.sentence)
        OptionSpec(
            "fix", \.move.fixed, .fixed, default: "no atom", AtomLists.sentence
        ).storedWithAnother
        OptionSpec(
            "optimizer", \.optimizer, .word(), default: "learning; bfgs for tblite and in a hybrid stage",
            "learning: correct the base with every gradient (docs/learning-relaxation.md); bfgs: as in ASE."
        )
        OptionSpec(
            "base", \.base, .text(check: checkBase),
            "Forces that learning corrects: a model, an engine, GFN1-xTB, GFN2-xTB, none, or learnt:JOB; auto: the "
                + "first of the job's model, the spool's engines and GFN1-xTB that knows the structure.",
            idle: notLearning)
        OptionSpec(
            "base_first", \.baseFirst, .boolean,
            "Relax on the base before the first gradient call, unless an earlier stage did so or was a dft stage.",
            idle: notLearning)
        OptionSpec(
            "expected_fall", \.expectedFall, .number(0...10), unit: "eV",
            "Once the largest force is below fmax, relax further as long as the learned model predicts that the energy "
                + "will fall by more than this, with at most ten gradient calls and at most as many as were needed "
                + "until then; 0: stop at fmax.",
            idle: notLearning)
        OptionSpec(
            "hessian", \.hessian, .boolean,
            "Start the optimiser from the model's Hessian, if an ML stage came before and its model has one."
        )
        resources
    }

    /// The options that decide how energies and forces of one geometry are calculated.
    static let method = OptionTable(defaults: DFTStage()) {
        OptionSpec(
            "engine", \.engine, .engine,
            "Program: gpaw (DFT), tblite (GFN1-xTB, for quick local use; not DFT), or an engine of the spool's "
                + "aurelax.yaml.")
        OptionSpec(
            "multiplicity", \.multiplicity, .integer(1...1000), default: "the engine's choice",
            "Spin multiplicity 2S+1 for an engine of the spool."
        ) {
            Engine.builtIn.contains($0.engine.rawValue)
                ? "only engines of the spool's aurelax.yaml use it, not gpaw or tblite" : nil
        }
        OptionSpec(
            "mode", \.mode, .word(), "GPAW: atomic orbitals, finite differences or plane waves.",
            idle: otherEngine)
        OptionSpec(
            "basis", \.basis, .text(check: JobSchema.checkWord), "GPAW in LCAO mode: basis set."
        ) { otherEngine($0) ?? otherMode($0, than: .lcao) }
        OptionSpec(
            "xc", \.xc, .text(check: Functional.problem), "GPAW: exchange–correlation functional.",
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
        OptionSpec(
            "gpaw", \.gpaw, .mapping(GPAWSettings.options),
            "GPAW: spin, occupations, bands, mixing, data sets, dispersion and more; see Settings of GPAW.",
            idle: otherEngine)
    }.options

    static let resources = OptionSpec<DFTStage>(
        "resources", \.resources, .mapping(Resources.options), default: nil,
        "Resources for a batch system: partition, time, nodes, tasks and memory, within the spool's limits."
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

extension OptionForm where Value == DFTStage.Engine {
    fileprivate static var engine: Self {
        Self(
            .text(pattern: JobSchema.namePattern, check: JobSchema.checkEngine),
            read: { $0.text.flatMap(DFTStage.Engine.init(rawValue:)) }, text: { YAMLScalar.text($0.rawValue) }
        )
    }
}

extension DFTStage: Codable {
    public init(from decoder: any Decoder) throws { self = try Self.options.decode(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try Self.options.encode(self, to: encoder) }
}

extension DFTStage {
    /// The prefix of a base that names a job: the base learns from that job's gradients.
    public static let learntPrefix = "learnt:"
    /// The word for a base that the program chooses.
    public static let automaticBase = "auto"
    /// The word for no base force field: a quadratic model takes the place of the base.
    public static let noBase = "none"

    /// Largest displacement of an atom in one step of BFGS, if the stage does not give it, Å.
    public static let defaultMaxStep = 0.2
    /// Largest displacement of an atom in one step of the learning relaxation, if the stage does not give it, Å.
    public static let defaultLearningMaxStep = 0.6

    /// The optimiser that takes the steps: `optimizer` if the job names it, BFGS for tblite, whose gradient costs
    /// less than a fit, otherwise `learning`.
    public var usedOptimizer: Optimizer { optimizer ?? (engine == .tblite ? .bfgs : .learning) }
}

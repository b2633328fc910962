public import YAMLDocument

/// Fine optimisation with an external method.
public struct DFTStage: Sendable, Equatable {
    public enum Engine: String, Sendable, Codable, CaseIterable {
        case gpaw, tblite
    }

    public enum Mode: String, Sendable, Codable, CaseIterable {
        case lcao, fd, pw
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
    /// Further settings of GPAW; nil for none.
    public var gpaw: GPAWSettings?
    public var fmax = 0.05
    public var maxSteps = 100
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.2
    public var move: MoveSelection = .all
    /// Whether to start the optimiser from the model's Hessian, if the model has one.
    public var hessian = true
    /// The request for resources of a batch system.
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
            "maxstep", \.maxStep, .number(0...1, open: true), unit: "Å", stored: "maxStep",
            "Largest displacement of an atom in one step.")
        OptionSpec("move", \.move, .atoms, MoveSelection.sentence)
        OptionSpec(
            "fix", \.move.fixed, .fixed, default: "no atom", AtomLists.sentence
        ).storedWithAnother
        OptionSpec(
            "hessian", \.hessian, .boolean,
            "Start the optimiser from the model's Hessian, if an ML stage came before and its model has one."
        )
        resources
    }

    /// The method for energy and forces of a geometry.
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
            "gpaw", \.gpaw,
            OptionForm<GPAWSettings>(
                .mapping(GPAWSettings.schema), read: { GPAWSettings($0) }, text: { $0.text }),
            "GPAW: spin, occupations, bands, mixing, data sets, dispersion and more; see Settings of GPAW.",
            idle: otherEngine)
    }.options

    static let resources = OptionSpec<DFTStage>(
        "resources", \.resources, .mapping(Resources.options), default: nil,
        "Resources for a batch system: partition, time, nodes, tasks and memory, within the spool's limits."
    )

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

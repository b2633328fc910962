/// A validated job: what a user asked for, with every default filled in.
///
/// Schema version 1. Lengths in Å, forces in eV/Å, charges in e.
public struct Job: Sendable, Equatable, Codable {
    /// Letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit. It names the
    /// folder in the outbox.
    public var name: String
    public var structure: StructureSource
    /// Total charge of the system, e.
    public var charge: Int
    /// Name of the force field of the ML stages.
    public var model: String
    /// Higher first.
    public var priority: Int
    /// Names of jobs that must be completed before this one starts.
    public var after: [String]
    /// In order; never empty.
    public var stages: [Stage]

    public init(
        name: String, structure: StructureSource, charge: Int, model: String, priority: Int,
        after: [String], stages: [Stage]
    ) {
        (self.name, self.structure, self.charge, self.model) = (name, structure, charge, model)
        (self.priority, self.after, self.stages) = (priority, after, stages)
    }
}

/// Where the structure of a job comes from.
public enum StructureSource: Sendable, Equatable, Codable {
    /// A file name beside the job file; never a path that leaves its folder.
    case file(String)
    /// XYZ or extxyz text in the job itself.
    case inline(String)
}

/// One stage of a job.
public enum Stage: Sendable, Equatable, Codable {
    case ml(MLStage)
    case dft(DFTStage)
    case hybrid(HybridStage)
    case singlePoints(SinglePointsStage)

    /// `ml`, `dft`, `hybrid` or `single-points`: the word in the job file.
    public var kind: String {
        switch self {
        case .ml: "ml"
        case .dft: "dft"
        case .hybrid: "hybrid"
        case .singlePoints: "single-points"
        }
    }
}

/// Fine optimisation with a method that lies outside aurelax.
public struct DFTStage: Sendable, Equatable, Codable {
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
    public var fmax = 0.05
    public var maxSteps = 100
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.2
    public var move: MoveSelection = .all
    /// Start the optimiser from the model's Hessian where the model has one.
    public var hessian = true
    /// What the stage asks for where a batch system runs it.
    public var resources: Resources?

    public init() {}
}

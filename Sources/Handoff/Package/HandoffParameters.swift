import Atomistics
public import Engines
public import JobSpec
import Relaxation

/// The parameters that all external calculations have.
protocol CalculationParameters: Encodable {
    var job: String { get }
    var stage: Int { get }
    var attempt: Int { get }
    var engine: DFTStage.Engine { get }
    var charge: Int { get }
    var pbc: String? { get }
    var gpaw: HandoffParameters.GPAW? { get }
    var definition: PackagedEngine? { get }
}

extension HandoffParameters: CalculationParameters {}

/// `parameters.json`: all settings of the calculation. The scripts read this file and contain no
/// settings.
public struct HandoffParameters: Sendable, Equatable, Codable {
    public struct Optimizer: Sendable, Equatable, Codable {
        public var fmax: Double
        public var maxSteps: Int
        public var maxStep: Double
        /// Largest displacement of an atom in a step of the learning relaxation, Å. Nil for BFGS, and in packages that
        /// were made before this limit existed.
        public var learningMaxStep: Double?
        /// Once the forces are small enough, the learning relaxation continues only while it expects the energy to fall
        /// by more than this, eV. With nil or 0 it does not continue.
        public var expectedFall: Double?
        /// The optimiser. Nil means BFGS: packages that were made before the optimiser could be chosen do not name it.
        public var method: DFTStage.Optimizer?
        /// The base force field of the learning relaxation; nil for BFGS.
        public var base: LearningBase?

        enum CodingKeys: String, CodingKey {
            case fmax, method, base
            case maxSteps = "max_steps"
            case maxStep = "max_step"
            case learningMaxStep = "learning_max_step"
            case expectedFall = "expected_fall"
        }
    }

    public struct GPAW: Sendable, Equatable, Codable {
        public var mode: DFTStage.Mode
        public var basis: String
        public var xc: String
        public var h: Double
        public var cutoff: Double
        public var vacuum: Double
        public var smearing: Double
        public var densityConvergence: Double
        public var maxSCFCycles: Int
        /// Further keywords for GPAW; nil if the job gives none.
        public var keywords: GPAWKeywords?
        /// The spin of the calculation; nil if it is spin-paired.
        public var spin: GPAWSpin?
        /// The k-points; nil for a molecule.
        public var kpts: GPAWSettings.KPoints?
        /// The dispersion correction, `D3` or `D4`; nil if there is none.
        public var dispersion: String?
        /// The part of the level of theory that follows the engine's version. Nil means that it follows from the
        /// settings above.
        public var level: String?

        enum CodingKeys: String, CodingKey {
            case mode, basis, xc, h, cutoff, vacuum, smearing, keywords, spin, kpts, dispersion, level
            case densityConvergence = "density_convergence"
            case maxSCFCycles = "max_scf_cycles"
        }
    }

    public struct Hessian: Sendable, Equatable, Codable {
        public var file: String
        /// Smallest curvature that the initial Hessian may have, eV/Å².
        public var floor: Double
    }

    public var format = HandoffManifest.currentFormat
    public var job: String
    public var stage: Int
    public var attempt: Int
    public var engine: DFTStage.Engine
    public var charge: Int
    /// `T` or `F` for each lattice vector: whether the structure repeats along it. Nil for a molecule.
    public var pbc: String?
    /// 0-based indices of the fixed atoms, ascending.
    public var fixedAtoms: [Int]
    /// The fixed coordinates of atoms that may move along other axes, as 3 · atom + axis, ascending; nil if there are
    /// none.
    public var fixedCoordinates: [Int]?
    public var optimizer: Optimizer
    public var gpaw: GPAW?
    /// The definition of an engine of the spool; nil for GPAW and tblite.
    public var definition: PackagedEngine?
    public var hessian: Hessian?

    enum CodingKeys: String, CodingKey {
        case format, job, stage, attempt, engine, charge, pbc
        case fixedAtoms = "fixed_atoms"
        case fixedCoordinates = "fixed_coordinates"
        case optimizer, gpaw, definition, hessian
    }

    /// Returns 2S + 1 of the calculation. Returns nil if the engine chooses it, or if the magnetic moments are given.
    func multiplicity(electrons: Int) -> Int? {
        if let definition { return definition.multiplicity }
        if pbc != nil, gpaw?.spin?.fixed != true { return nil }
        if let gpaw {
            if let spin = gpaw.spin { return spin.fixed ? spin.multiplicity : nil }
            return electrons.isMultiple(of: 2) ? 1 : nil
        }
        return electrons.isMultiple(of: 2) ? 1 : 2
    }

    init(_ request: HandoffRequest) {
        let settings = request.settings
        job = request.job
        stage = request.stage
        attempt = request.attempt
        engine = settings.engine
        charge = request.charge
        pbc = request.atoms.periodicity.isPeriodic ? request.atoms.periodicity.text : nil
        fixedAtoms = request.movable.map { mask in mask.indices.filter { !mask[$0] } } ?? []
        fixedCoordinates = request.fixedCoordinates.isEmpty ? nil : request.fixedCoordinates
        optimizer = Optimizer(
            fmax: settings.fmax, maxSteps: settings.maxSteps,
            maxStep: settings.maxStep ?? DFTStage.defaultMaxStep,
            learningMaxStep: settings.usedOptimizer == .learning
                ? settings.maxStep ?? DFTStage.defaultLearningMaxStep : nil,
            expectedFall: settings.usedOptimizer == .learning ? settings.expectedFall : nil,
            method: settings.usedOptimizer,
            base: settings.usedOptimizer == .learning ? request.base ?? LearningBase.none : nil)
        gpaw = GPAW(
            settings, maxSCFCycles: request.options.maxSCFCycles, request.atoms.elements,
            request.atoms.periodicity, charge: request.charge)
        definition = request.engine
        if request.hessian != nil {
            hessian = Hessian(
                file: request.atoms.count > CompactHessian.largestDense
                    ? "hessian-blocks.npy" : "hessian.npy",
                floor: StartHessian.smallestCurvature)
        }
    }

    /// Writes a missing `hessian` as null, because the scripts read this key.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(format, forKey: .format)
        try container.encode(job, forKey: .job)
        try container.encode(stage, forKey: .stage)
        try container.encode(attempt, forKey: .attempt)
        try container.encode(engine, forKey: .engine)
        try container.encode(charge, forKey: .charge)
        try container.encodeIfPresent(pbc, forKey: .pbc)
        try container.encode(fixedAtoms, forKey: .fixedAtoms)
        try container.encodeIfPresent(fixedCoordinates, forKey: .fixedCoordinates)
        try container.encode(optimizer, forKey: .optimizer)
        try container.encodeIfPresent(gpaw, forKey: .gpaw)
        try container.encodeIfPresent(definition, forKey: .definition)
        try container.encode(hessian, forKey: .hessian)
    }
}

extension HandoffParameters.GPAW {
    /// - Returns: nil if the engine is not GPAW.
    init?(
        _ settings: DFTStage, maxSCFCycles: Int, _ elements: [Element], _ periodicity: Periodicity,
        charge: Int
    ) {
        guard settings.engine == .gpaw else { return nil }
        self.init(
            mode: settings.mode, basis: settings.basis, xc: settings.xc, h: settings.h,
            cutoff: settings.cutoff, vacuum: settings.vacuum, smearing: settings.smearing,
            densityConvergence: settings.densityConvergence,
            maxSCFCycles: settings.gpaw?.maxiter ?? maxSCFCycles)
        keywords = GPAWKeywords(settings, periodicity)
        kpts = settings.kPoints(periodicity)
        spin = GPAWSpin(settings, elements, isPeriodic: periodicity.isPeriodic, charge: charge)
        dispersion = settings.gpaw?.dispersion?.rawValue
        level = Self.level(settings, spin: spin, periodicity)
    }
}

extension CalculationParameters {
    /// The level of theory in the form in which the scripts write it, in two parts: the texts before and after the
    /// engine's version.
    var levelOfTheory: (prefix: String, suffix: String) {
        if let definition { return definition.levelOfTheory }
        guard let gpaw else {
            return (
                "tblite ", " GFN1-xTB 300K " + (pbc.map { "periodic \($0) gamma point" } ?? "non-periodic")
            )
        }
        if let level = gpaw.level { return ("GPAW ", level) }
        let method =
            switch gpaw.mode {
            case .lcao: "LCAO \(gpaw.basis) h=\(general(gpaw.h))A"
            case .fd: "FD h=\(general(gpaw.h))A"
            case .pw: "PW \(general(gpaw.cutoff))eV"
            }
        return (
            "GPAW ", " \(gpaw.xc) \(method) FermiDirac \(general(gpaw.smearing))eV non-periodic"
        )
    }
}

/// Formats a number of the settings as C's `%g` does: at most six digits, no trailing `.0`.
func general(_ value: Double) -> String {
    let rounded = (value * 1e6).rounded() / 1e6
    let text = "\(rounded)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// The base force field of a learning relaxation. The relaxation learns a correction to it.
public struct LearningBase: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable {
        /// A model trained by aurelax.
        case model
        /// An engine: GFN1-xTB or GFN2-xTB through tblite, or an engine of the spool.
        case engine
        /// No force field; the quadratic model of the Hessian is the base.
        case none
    }

    public var kind: Kind
    /// Name of the model or engine.
    public var name: String?
    /// Path of the model's file on the machine that made the package. On other machines, the model is found by its
    /// name.
    public var path: String?
    /// SHA-256 of the model's file.
    public var version: String?
    public var levelOfTheory: String?
    /// The description of the base if it is an engine of the spool. Nil for tblite, which the calculation's own Python
    /// has.
    public var engine: EngineDescription?
    /// Whether the relaxation runs without this base if it is not available.
    public var isOptional: Bool?
    /// Whether the structure is relaxed on the base before the first gradient.
    public var relaxFirst: Bool?
    /// Name of the package's file of labelled geometries that the relaxation learns from before the first gradient:
    /// ``framesFile``. Nil if there are none.
    public var frames: String?

    /// Name of the package's file with labelled geometries of an earlier job.
    public static let framesFile = "learnt.extxyz"

    enum CodingKeys: String, CodingKey {
        case kind, name, path, version, engine, frames
        case levelOfTheory = "level_of_theory"
        case isOptional = "optional"
        case relaxFirst = "relax_first"
    }

    public init(
        kind: Kind, name: String? = nil, path: String? = nil, version: String? = nil,
        levelOfTheory: String? = nil,
        engine: EngineDescription? = nil, isOptional: Bool? = nil, relaxFirst: Bool? = nil
    ) {
        (self.kind, self.name, self.path, self.version) = (kind, name, path, version)
        (self.levelOfTheory, self.engine) = (levelOfTheory, engine)
        (self.isOptional, self.relaxFirst) = (isOptional, relaxFirst)
    }

    /// No base force field.
    public static let none = LearningBase(kind: .none)
}

import Atomistics
public import JobSpec

/// The parameters of every external calculation.
protocol CalculationParameters: Encodable {
    var job: String { get }
    var stage: Int { get }
    var attempt: Int { get }
    var engine: DFTStage.Engine { get }
    var charge: Int { get }
    var gpaw: HandoffParameters.GPAW? { get }
}

extension HandoffParameters: CalculationParameters {}

/// `parameters.json`: all settings of the calculation. The scripts read this file and contain no
/// settings.
public struct HandoffParameters: Sendable, Equatable, Codable {
    public struct Optimizer: Sendable, Equatable, Codable {
        public var fmax: Double
        public var maxSteps: Int
        public var maxStep: Double

        enum CodingKeys: String, CodingKey {
            case fmax
            case maxSteps = "max_steps"
            case maxStep = "max_step"
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
        /// What the job gives beyond these; nil for nothing.
        public var keywords: GPAWKeywords?
        /// Nil for a spin-paired calculation.
        public var spin: GPAWSpin?
        /// `D3` or `D4`; nil for none.
        public var dispersion: String?
        /// The level of theory after the engine's version, if it is not that of the settings above.
        public var level: String?

        enum CodingKeys: String, CodingKey {
            case mode, basis, xc, h, cutoff, vacuum, smearing, keywords, spin, dispersion, level
            case densityConvergence = "density_convergence"
            case maxSCFCycles = "max_scf_cycles"
        }
    }

    public struct Hessian: Sendable, Equatable, Codable {
        public var file: String
        /// Smallest curvature of the initial Hessian, eV/Å².
        public var floor: Double
    }

    public var format = HandoffManifest.currentFormat
    public var job: String
    public var stage: Int
    public var attempt: Int
    public var engine: DFTStage.Engine
    public var charge: Int
    /// 0-based indices, ascending.
    public var fixedAtoms: [Int]
    /// 3 · atom + axis, ascending, for atoms that move along other axes; nil if there are none.
    public var fixedCoordinates: [Int]?
    public var optimizer: Optimizer
    public var gpaw: GPAW?
    public var hessian: Hessian?

    enum CodingKeys: String, CodingKey {
        case format, job, stage, attempt, engine, charge
        case fixedAtoms = "fixed_atoms"
        case fixedCoordinates = "fixed_coordinates"
        case optimizer, gpaw, hessian
    }

    init(_ request: HandoffRequest) {
        let settings = request.settings
        job = request.job
        stage = request.stage
        attempt = request.attempt
        engine = settings.engine
        charge = request.charge
        fixedAtoms = request.movable.map { mask in mask.indices.filter { !mask[$0] } } ?? []
        fixedCoordinates = request.fixedCoordinates.isEmpty ? nil : request.fixedCoordinates
        optimizer = Optimizer(
            fmax: settings.fmax, maxSteps: settings.maxSteps, maxStep: settings.maxStep)
        gpaw = GPAW(
            settings, maxSCFCycles: request.options.maxSCFCycles, request.atoms.elements,
            charge: request.charge)
        if request.hessian != nil {
            hessian = Hessian(file: "hessian.npy", floor: request.options.hessianFloor)
        }
    }

    /// `hessian` is written as null if there is none, because the scripts read it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(format, forKey: .format)
        try container.encode(job, forKey: .job)
        try container.encode(stage, forKey: .stage)
        try container.encode(attempt, forKey: .attempt)
        try container.encode(engine, forKey: .engine)
        try container.encode(charge, forKey: .charge)
        try container.encode(fixedAtoms, forKey: .fixedAtoms)
        try container.encodeIfPresent(fixedCoordinates, forKey: .fixedCoordinates)
        try container.encode(optimizer, forKey: .optimizer)
        try container.encodeIfPresent(gpaw, forKey: .gpaw)
        try container.encode(hessian, forKey: .hessian)
    }
}

extension HandoffParameters.GPAW {
    /// Nil where another engine is asked for.
    init?(_ settings: DFTStage, maxSCFCycles: Int, _ elements: [Element], charge: Int) {
        guard settings.engine == .gpaw else { return nil }
        self.init(
            mode: settings.mode, basis: settings.basis, xc: settings.xc, h: settings.h,
            cutoff: settings.cutoff, vacuum: settings.vacuum, smearing: settings.smearing,
            densityConvergence: settings.densityConvergence,
            maxSCFCycles: settings.gpaw?.maxiter ?? maxSCFCycles)
        keywords = settings.gpaw.flatMap { GPAWKeywords($0, smearing: settings.smearing) }
        spin = GPAWSpin(settings, elements, charge: charge)
        dispersion = settings.gpaw?.dispersion?.rawValue
        level = Self.level(settings, spin: spin)
    }
}

extension CalculationParameters {
    /// The level of theory as named by the scripts, before and after the engine's version.
    var levelOfTheory: (prefix: String, suffix: String) {
        guard let gpaw else { return ("tblite ", " GFN1-xTB 300K non-periodic") }
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

/// A number as C's `%g` prints those that occur in settings: at most six digits, no trailing `.0`.
func general(_ value: Double) -> String {
    let rounded = (value * 1e6).rounded() / 1e6
    let text = "\(rounded)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

import Foundation

/// The result of a stage: kept in the store, written into the summary.
public struct StageReport: Sendable, Equatable, Codable {
    public var kind: StageKind
    public var verdict: StageVerdict
    /// Largest force norm of a moving atom in the initial structure of the stage, eV/Å, by the
    /// stage's own method.
    public var initialFmax: Double?
    /// Convergence criterion, eV/Å; nil if nothing is relaxed.
    public var requestedFmax: Double?
    /// Largest displacement of an atom from its initial position, Å.
    public var largestDisplacement: Double?
    /// Final energy, eV; nil if the method has none.
    public var energy: Double?
    /// Final energy minus initial energy, eV; nil if the method has none.
    public var energyChange: Double?
    /// Name of the force field or engine. `version` is the SHA-256 of the model's file, or the versions of the
    /// engine's programs.
    public var method: String
    public var version: String
    public var levelOfTheory: String
    /// Warnings for the user, each once.
    public var warnings: [String]
    /// Seconds of computing, including restarts.
    public var seconds: Double?
    /// Name of the final structure in the stage's result; nil for `final.extxyz`.
    public var finalFile: String?
    /// Number of gradient calls of a package, and of SCF cycles.
    public var gradientCalls: Int?
    public var scfCycles: Int?
    /// Electronic properties of the geometry that is kept; nil if the engine gives none.
    public var electrons: ElectronicProperties?
    /// The optimiser of a package, its base, the number of steps on the base, and why another optimiser was
    /// used than requested.
    public var optimizer: String?
    public var base: String?
    public var baseSteps: Int?
    public var optimizerNote: String?
    /// Processor time of all processes of an outside calculation, s.
    public var processorSeconds: Double?
    /// For a check in a hybrid stage: the largest error of the model's force at the check's final geometry,
    /// eV/Å.
    public var modelError: Double?
    /// If the model was trained on earlier checks: the same error for the hybrid stage's initial model, eV/Å.
    public var firstModelError: Double?
    /// For a check in a hybrid stage: the decision and its reason.
    public var decision: String?
    /// Index in the plan of the stage from whose final structure the next stage starts, if that is not this
    /// stage.
    public var goesBackTo: Int?
    /// For single points: the result of each point, in the order of their steps.
    public var points: [Point]?
    /// For single points: the number of the stage, from 1, along whose path they are computed.
    public var pathOf: Int?

    /// A geometry whose energy and forces were requested.
    public struct Point: Sendable, Equatable, Codable {
        /// Number of the geometry's step in the path.
        public var step: Int
        /// Energy, eV; nil if it could not be computed.
        public var energy: Double?
        /// Largest force norm, eV/Å; nil if it could not be computed.
        public var fmax: Double?
        /// `converged`, `scf-not-converged`, …
        public var verdict: String
    }

    public init(
        kind: StageKind, verdict: StageVerdict, initialFmax: Double? = nil, requestedFmax: Double?,
        largestDisplacement: Double? = nil, energy: Double? = nil, energyChange: Double? = nil,
        method: String, version: String, levelOfTheory: String, warnings: [String] = [],
        seconds: Double? = nil
    ) {
        self.kind = kind
        self.verdict = verdict
        self.initialFmax = initialFmax
        self.requestedFmax = requestedFmax
        self.largestDisplacement = largestDisplacement
        self.energy = energy
        self.energyChange = energyChange
        self.method = method
        self.version = version
        self.levelOfTheory = levelOfTheory
        self.warnings = warnings
        self.seconds = seconds
    }

    /// Writes NaN and infinity as text, because they must not make a report unreadable.
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }
}

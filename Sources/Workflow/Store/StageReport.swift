import Foundation

/// What a stage did: kept in the store, written into the summary.
public struct StageReport: Sendable, Equatable, Codable {
    public var kind: StageKind
    public var verdict: StageVerdict
    /// Largest force norm of a moving atom in the structure that the stage began with, eV/Å, by the stage's
    /// own method.
    public var initialFmax: Double?
    /// Convergence criterion, eV/Å; nil where nothing is relaxed.
    public var requestedFmax: Double?
    /// How far the atom that moved furthest is from where it began, Å.
    public var largestDisplacement: Double?
    /// Energy at the end, eV; nil where the method has none.
    public var energy: Double?
    /// Energy at the end less energy at the beginning, eV; likewise.
    public var energyChange: Double?
    /// The force field's name and the SHA-256 of its file, or the outside program and its versions.
    public var method: String
    public var version: String
    public var levelOfTheory: String
    /// What a person should know, each once.
    public var warnings: [String]
    /// Seconds of computing, restarts included.
    public var seconds: Double?
    /// Where the last structure is, in the stage's result; nil for `final.extxyz`.
    public var finalFile: String?
    /// Gradients and cycles of self-consistency that a calculation outside took.
    public var gradientCalls: Int?
    public var scfCycles: Int?
    /// Of a check in a hybrid stage: the largest error of the model's force at its last geometry, eV/Å.
    public var modelError: Double?
    /// Where the round's model had learnt in this stage: the same of the model that the stage began with.
    public var firstModelError: Double?
    /// Of a check in a hybrid stage: what followed, and why.
    public var decision: String?
    /// Place in the plan of the stage whose last structure the next stage begins with, where it is not this one.
    public var goesBackTo: Int?
    /// Of single points: what came of each, in the order of their steps.
    public var points: [Point]?
    /// Of single points: the number of the stage, from 1, whose path they are of.
    public var pathOf: Int?

    /// A geometry of which energy and forces were asked for.
    public struct Point: Sendable, Equatable, Codable {
        /// Of the path that it is of.
        public var step: Int
        /// eV; nil where it could not be calculated.
        public var energy: Double?
        /// Largest force norm, eV/Å; likewise.
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

    /// A number that is none is no reason to lose a report.
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

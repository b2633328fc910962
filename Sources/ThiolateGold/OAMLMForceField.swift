public import Atomistics
import Descriptors
import LinearAlgebra
public import MinimalLearning
public import ModelFile

/// The paper's force field: for each atom class an EMLM for the norm f of the force and an OAMLM for its direction v̂,
/// as functions of the descriptor x_i.
///
///     F_i = max(0, f(x_i)) v̂(x_i)
///
/// There is no energy; the forces do not sum to zero and are not conservative.
///
/// - Source: arXiv:2203.09788.
public struct OAMLMForceField: ForceField {
    public static let kind = "oamlm"

    public let provenance: ForceFieldProvenance
    public var hasEnergy: Bool { false }
    public private(set) var options: OAMLMOptions
    private let header: OAMLMHeader
    private let soap: SOAP
    private let models: [AtomClass: ClassModel]

    /// - Throws: `ModelFileError`, and errors of the descriptor.
    public init(_ file: ModelFile) throws {
        (header, provenance) = try OAMLMHeader.read(from: file, kind: Self.kind)
        options = header.options
        soap = try options.environment.soap.soap()
        var models: [AtomClass: ClassModel] = [:]
        for entry in header.classes {
            models[entry.atomClass] = try ClassModel(
                file, entry, options, features: soap.featureCount)
        }
        self.models = models
    }

    /// The training data of one class and its cross-validated accuracy.
    public struct ClassSummary: Sendable, Equatable, Codable {
        public var atomClass: AtomClass
        /// Number of environments in the training frames.
        public var environments: Int
        public var normReferences: Int
        public var directionReferences: Int
        public var direction: DirectionSolver
        /// Width of the alignment weights, Å.
        public var sigma2: Double
        /// Root mean square error of the force vector in leave-one-frame-out cross-validation,
        /// eV/Å.
        public var forceError: Double
        /// Root mean square error of the norm in the same cross-validation, eV/Å.
        public var normError: Double
        /// The weighted mean angle (weights |F|²) in the same cross-validation, degrees.
        public var weightedAngle: Double
    }

    public var classes: [ClassSummary] {
        header.classes.compactMap { entry in
            models[entry.atomClass].map { model in
                ClassSummary(
                    atomClass: entry.atomClass, environments: entry.environments,
                    normReferences: model.normReferences,
                    directionReferences: model.directionReferences,
                    direction: options[entry.atomClass].direction,
                    sigma2: options[entry.atomClass].sigma2,
                    forceError: entry.calibration.forceError,
                    normError: entry.calibration.normError,
                    weightedAngle: entry.calibration.weightedAngle)
            }
        }
    }

    /// The source of the training frames, as text for users.
    public var data: [String: String] { header.provenance }

    /// Returns the same model with another method for directions. The expected errors are still those calibrated for
    /// the old method. If `sigma2` is nil, each class keeps its width of the alignment weights.
    public func solving(_ direction: DirectionSolver, sigma2: Double? = nil) -> OAMLMForceField {
        var copy = self
        for atomClass in AtomClass.allCases {
            copy.options.classes[atomClass] = ClassOptions(
                direction: direction, sigma2: sigma2 ?? options[atomClass].sigma2)
        }
        return copy
    }

    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        try predict(atoms, following: nil)
    }

    public func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction {
        let found = try Surroundings(
            of: atoms, soap, options.environment, known: Set(models.keys),
            shortest: header.shortestDistances, following: previous)
        var all = [AtomPrediction](repeating: AtomPrediction(), count: atoms.count)
        for (atomClass, members) in found.members {
            guard let model = models[atomClass] else { continue }
            let predictions = model.predict(
                found.descriptors.selectingRows(members), members.map { found.environments[$0] },
                options, options[atomClass])
            for (k, i) in members.enumerated() { all[i] = predictions[k] }
        }
        let uncertainty = all.compactMap(\.expectedError)
        let outOfDomain = zip(all, found.tooClose).map { $0.outOfDomain || $1 }
        var prediction = ForcePrediction(
            forces: all.map { $0.force(clamped: options.clampNorm) },
            uncertainty: uncertainty.count == atoms.count ? uncertainty : nil,
            classes: (0..<atoms.count).map(found.classes.name),
            outOfDomain: outOfDomain,
            warnings: found.warnings(
                outOfDomain: outOfDomain.count { $0 },
                directionless: all.count { $0.direction == .zero }, lowRank: all.count { $0.lowRank }))
        prediction.indicators = Self.indicators(all.map(\.uncertainty))
        return prediction
    }

    /// Returns those of the indicators u₁ to u₆ (`DirectionUncertainty`) that the model gives, with one value per atom.
    private static func indicators(_ all: [DirectionUncertainty?]) -> [String: [Double]] {
        let measures: [(String, (DirectionUncertainty) -> Double?)] = [
            ("u1-support", \.support), ("u2-coherence", \.coherence), ("u3-residual", \.residual),
            ("u4-nearest", \.nearest), ("u5-alignment-surprise", \.alignmentSurprise),
            ("u6-predicted-support", \.predictedSupport),
        ]
        var result: [String: [Double]] = [:]
        for (name, value) in measures {
            let values = all.map { $0.flatMap(value) ?? .nan }
            if values.contains(where: \.isFinite) { result[name] = values }
        }
        return result
    }
}

import Atomistics
import Descriptors
public import MinimalLearning

/// How atoms' surroundings are described.
public struct SOAPParameters: Sendable, Equatable, Codable {
    /// Symbols, by atomic number.
    public var species: [String]
    /// Å.
    public var rCut: Double
    public var nMax: Int
    public var lMax: Int
    /// Å.
    public var sigma: Double

    /// The paper's choice.
    public init(
        species: [String] = ["H", "C", "S", "Au"], rCut: Double = 4, nMax: Int = 7, lMax: Int = 4,
        sigma: Double = 0.25
    ) {
        self.species = species
        (self.rCut, self.nMax, self.lMax, self.sigma) = (rCut, nMax, lMax, sigma)
    }

    var elements: [Element] { species.compactMap { Element(symbol: $0) } }

    func descriptor() throws -> SOAP {
        try SOAP(species: elements, rCut: rCut, nMax: nMax, lMax: lMax, sigma: sigma)
    }
}

/// What can differ between classes.
public struct ClassOptions: Sendable, Equatable, Codable {
    public var direction: DirectionSolver
    /// Å.
    public var sigma2: Double

    public init(direction: DirectionSolver = .paperEq17, sigma2: Double = 0.5) {
        self.direction = direction
        self.sigma2 = sigma2
    }
}

/// Everything that decides what a model learns from given frames; recorded in the model file.
public struct OAMLMOptions: Sendable, Equatable, Codable {
    /// The points whose range is scaled to [0, 1].
    public enum ScalingSet: String, Sendable, Codable, CaseIterable {
        /// All environments of the class.
        case pool
        /// Those that become references.
        case selected
    }

    public var soap = SOAPParameters()
    public var scaling = ScalingSet.pool
    public var start = MaximinStart.closestToMean
    /// Most references of a norm model.
    public var normReferences = 5000
    public var objective = EMLM.Objective.exact
    public var ridge = EMLM.paperRidge
    /// Most references of a direction model.
    public var directionReferences = 2500
    public var group = RotationGroup.o3
    /// Triangles of core gold that are aligned (eq. 18).
    public var triangles = 10
    /// Whether alignment successes are learnt too (B_g).
    public var alignmentModel = false
    /// Whether a negative norm counts as zero.
    public var clampNorm = true
    /// Whether predicted projections are limited to [−1, 1].
    public var clipProjections = false
    public var classification = Classification.Options()
    public var classes = Dictionary(
        uniqueKeysWithValues: AtomClass.allCases.map {
            ($0, ClassOptions(sigma2: $0 == .unitGold ? 0.25 : 0.5))
        })
    /// Fewest environments from which a class is learnt.
    public var fewestEnvironments = 10

    /// The paper's final settings.
    public init() {}

    public subscript(_ atomClass: AtomClass) -> ClassOptions { classes[atomClass] ?? ClassOptions() }
}

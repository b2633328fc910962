import Atomistics
import Descriptors
public import MinimalLearning

/// The description of atoms' environments.
public struct SOAPParameters: Sendable, Equatable, Codable {
    /// Symbols, by atomic number.
    public var species: [String]
    /// Å.
    public var rCut: Double
    public var nMax: Int
    public var lMax: Int
    /// Å.
    public var sigma: Double

    /// The choice of the paper.
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

/// The classification, description and comparison of atoms: common to all models of this module.
public struct EnvironmentOptions: Sendable, Equatable, Codable {
    /// The set of points whose range is scaled to [0, 1].
    public enum ScalingSet: String, Sendable, Codable, CaseIterable {
        /// All environments of the class.
        case pool
        /// The environments that become references.
        case selected
    }

    public var soap = SOAPParameters()
    public var scaling = ScalingSet.pool
    public var start = MaximinStart.closestToMean
    public var group = RotationGroup.o3
    /// Number of core gold triangles that are aligned (eq. 18).
    public var triangles = 10
    public var classification = Classification.Options()
    /// Fewest environments for which a class is trained.
    public var fewestEnvironments = 10

    public init() {}
}

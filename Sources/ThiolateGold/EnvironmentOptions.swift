public import Descriptors
public import MinimalLearning

/// The classification, description and comparison of atoms: common to all models of this module.
public struct EnvironmentOptions: Sendable, Equatable, Codable {
    /// The set of points whose range is scaled to [0, 1].
    public enum ScalingSet: String, Sendable, Codable, CaseIterable {
        /// All environments of the class.
        case pool
        /// The environments that become references.
        case selected
    }

    public var soap = SOAPSettings.paper
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

/// The settings of a learning relaxation. Lengths in Å, energies in eV.
public struct LearningSettings: Sendable, Equatable {
    /// Requested largest force, eV/Å; the surrogate is relaxed well below it.
    public var fmax = 0.05
    /// Largest displacement of an atom in a quasi-Newton step.
    public var maxStep = 0.2
    /// Initial largest displacement of an atom from the best frame, and its limits.
    public var trustRadius = 0.25
    public var smallestTrustRadius = 0.05
    public var largestTrustRadius = 0.6
    /// Smallest curvature of the initial matrix of quasi-Newton steps and inner relaxations, eV/Å².
    public var hessianFloor = 2.0
    /// Largest number of steps of one inner relaxation.
    public var innerSteps = 400
    /// Smaller energy differences are within the engine's noise.
    public var energyNoise = 0.002

    public init() {}
}

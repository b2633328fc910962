/// What decides, with the gradients seen, where a learning relaxation goes. Lengths in Å, energies in eV.
public struct LearningSettings: Sendable, Equatable {
    /// Requested largest force, eV/Å; the surrogate is relaxed well below it.
    public var fmax = 0.05
    /// Largest displacement of an atom in a quasi-Newton step.
    public var maxStep = 0.2
    /// Largest displacement of an atom from the best frame at first, and the limits of what it may become.
    public var trustRadius = 0.25
    public var smallestTrustRadius = 0.05
    public var largestTrustRadius = 0.6
    /// Smallest curvature of the matrix that quasi-Newton steps and inner relaxations start from, eV/Å².
    public var hessianFloor = 2.0
    /// Steps of one inner relaxation, at most.
    public var innerSteps = 400
    /// Energy differences below this mean nothing: the engine's own noise.
    public var energyNoise = 0.002

    public init() {}
}

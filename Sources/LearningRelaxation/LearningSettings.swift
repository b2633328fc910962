import Relaxation

/// The settings of a learning relaxation. Lengths in Å, energies in eV.
public struct LearningSettings: Sendable, Equatable {
    /// Requested largest force, eV/Å; the surrogate is relaxed well below it.
    public var fmax = 0.05
    /// Largest displacement of an atom in any step, Å.
    public var maxStep = 0.6
    /// Initial trust radius, which is the largest displacement of an atom from the best frame, and the limits of the
    /// trust radius; all of them are at most ``maxStep``.
    public var trustRadius = 0.25
    public var smallestTrustRadius = 0.05
    public var largestTrustRadius = 0.6
    /// Smallest curvature of the initial matrix of quasi-Newton steps and inner relaxations, eV/Å².
    public var hessianFloor = StartHessian.smallestCurvature
    /// Force constants of springs to the best frame, eV/Å², which are tried from the stiffest to the softest. The
    /// first one with which the forces fall below half of ``fmax`` gives the next geometry, which is the nearest
    /// geometry that is expected to be converged.
    public var dampings = [2, 1, 0.5, 0.25, 0.12, 0.06]
    /// A step is shortened if the correction's standard deviation of the change of energy exceeds both this, eV, and a
    /// quarter of the expected fall of the energy.
    public var largestDeviation = 0.02
    /// Once the forces are as small as requested, the relaxation continues while the energy is expected to fall by more
    /// than this within the trust radius, eV.
    public var expectedFall = 0.02
    /// Largest number of steps of one inner relaxation.
    public var innerSteps = 400
    /// Noise of the engine's energy, eV; smaller energy differences are not significant.
    public var energyNoise = 0.002

    public init() {}
}

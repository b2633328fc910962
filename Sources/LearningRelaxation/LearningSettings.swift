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
    public var expectedFall = 0.05
    /// Largest number of steps of one inner relaxation.
    public var innerSteps = 400
    /// Noise of the engine's energy, eV; smaller energy differences are not significant.
    public var energyNoise = 0.002

    public init() {}
}

/// A step and how well the surrogate predicted it.
public struct PredictedStep: Sendable {
    /// Largest displacement of an atom, Å.
    public var distance: Double
    /// Fall of the engine's energy, eV; negative if it rose.
    public var fall: Double
    /// Fall of the energy that the surrogate predicted, eV.
    public var predictedFall: Double
    /// Root mean square length of the engine's forces before the step, eV/Å.
    public var force: Double
    /// Root mean square length of the errors of the surrogate's forces at the geometry after the step, eV/Å.
    public var forceError: Double

    public init(distance: Double, fall: Double, predictedFall: Double, force: Double, forceError: Double) {
        (self.distance, self.fall, self.predictedFall) = (distance, fall, predictedFall)
        (self.force, self.forceError) = (force, forceError)
    }
}

extension LearningSettings {
    /// Returns the trust radius after a step: smaller after a bad prediction, larger after a good one if the step nearly
    /// reached the radius.
    ///
    /// Two measures decide: the ratio of the actual to the predicted fall of the energy, as in trust-region methods
    /// (Nocedal and Wright, Numerical Optimization, chapter 4), and the force error compared with the forces before the
    /// step. Near convergence these forces are as small as the force error even if the energy falls as predicted, so the
    /// ratio has to be bad as well before the radius shrinks.
    public func trustRadius(after step: PredictedStep, from radius: Double) -> Double {
        // A ratio of energies within the noise means nothing; then the force error decides alone.
        let ratio = step.predictedFall > 2 * energyNoise ? step.fall / step.predictedFall : 0
        let rises = -step.fall > energyNoise && -step.fall > -step.predictedFall / 4
        if rises || step.forceError > step.force && ratio < 0.5 {
            return max(smallestTrustRadius, 0.5 * min(radius, step.distance))
        }
        let isGood = step.forceError < 0.3 * step.force || (0.75...1.5).contains(ratio)
        return isGood && step.distance > 0.7 * radius ? min(largestTrustRadius, 1.6 * radius) : radius
    }
}

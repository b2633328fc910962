public import Atomistics
import Foundation

/// Where a relaxation stands.
public enum RelaxationStatus: Sendable, Equatable {
    case running
    /// The largest force is below the criterion.
    case converged
    /// As many steps as were allowed.
    case stepLimit
    /// Not converged, and going on would not help.
    case stopped(StopReason)
}

/// Why a relaxation ended before it was converged. Steps are counted from 0, forces in eV/Å.
public enum StopReason: Sendable, Equatable, CustomStringConvertible {
    /// Every predicted force is below `factor` times its expected error; `largestRatio` is the largest |F|/u.
    case belowUncertainty(largestRatio: Double, factor: Double)
    /// No progress since this step.
    case stagnation(since: Int, fmax: Double)
    /// The same `period` positions twice over.
    case cycle(period: Int)
    /// So many atoms keep their places because the model does not know their surroundings; the others, if
    /// there are any, are converged.
    case outOfDomain(frozen: Int)
    /// Bonds between non-metal atoms broke or formed in the last step.
    case bondsChanged(BondChanges)

    public var description: String {
        switch self {
        case .belowUncertainty(let ratio, let factor):
            "as far as this model can see: every predicted force is below \(number(factor)) times its expected "
                + "error (the largest is \(number(ratio)) times)"
        case .stagnation(let step, let fmax):
            "no progress since step \(step); the smallest fmax so far is \(number(fmax)) eV/Å"
        case .cycle(let period): "the same \(period) positions again and again"
        case .bondsChanged(let changes):
            "\(changes); the model does not know these environments, and a frame from before is kept. Relax with "
                + "another engine (DFT, tight binding), or allow changes of bonds where they are meant"
        case .outOfDomain(let frozen):
            "\(frozen) atoms are outside what the model has learnt and keep their places; "
                + "the others are converged"
        }
    }

    private func number(_ value: Double) -> String { String(format: "%.3f", value) }
}

/// One evaluated structure on the way.
public struct RelaxationFrame: Sendable {
    /// 0 for the structure that the relaxation began with.
    public let step: Int
    public let atoms: Atoms
    /// As the model gave it: raw forces on every atom.
    public let prediction: ForcePrediction
    /// Largest force norm of an atom that the relaxation may move, eV/Å: what convergence is measured by.
    public let fmax: Double
    /// Root mean square of the force norms of these atoms, eV/Å.
    public let rmsForce: Double
    /// Largest force norm of the atoms of the segment that led here, eV/Å; ``fmax`` where nothing alternates.
    public let segmentFmax: Double
    /// How many atoms kept their places because the model does not know their surroundings.
    public let frozen: Int
}

/// Why a relaxation cannot go on.
public enum RelaxationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The force field gave a force that is no number.
    case forceNotFinite(atom: Int, step: Int)
    /// The optimiser's matrix gave no step.
    case noStep(after: Int)

    public var description: String {
        switch self {
        case .forceNotFinite(let atom, let step):
            "the force on atom \(atom) at step \(step) is not a number; look at the structure before it"
        case .noStep(let step):
            "the optimiser found no step after step \(step): its curvatures are singular; "
                + "use safe-bfgs, or a smaller step limit"
        }
    }
}

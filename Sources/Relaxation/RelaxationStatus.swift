public import Atomistics
import Foundation

/// The state of a relaxation.
public enum RelaxationStatus: Sendable, Equatable {
    case running
    /// The largest force is below the criterion.
    case converged
    /// The allowed number of steps has been taken.
    case stepLimit
    /// The relaxation is not converged, and further steps would not help.
    case stopped(StopReason)
}

/// The reason why a relaxation ended before convergence. Steps are counted from 0, forces are in
/// eV/Å.
public enum StopReason: Sendable, Equatable, CustomStringConvertible {
    /// Every predicted force is below `factor` times its expected error; `largestRatio` is the largest |F|/u.
    case belowUncertainty(largestRatio: Double, factor: Double)
    /// The relaxation has made no progress since this step.
    case stagnation(since: Int, fmax: Double)
    /// The same `period` positions occurred twice in succession.
    case cycle(period: Int)
    /// This number of atoms is fixed because their environments are out of domain; the others, if
    /// any, are converged.
    case outOfDomain(frozen: Int)
    /// Bonds between non-metal atoms broke or formed in the last step.
    case bondsChanged(BondChanges)

    public var description: String {
        switch self {
        case .belowUncertainty(let ratio, let factor):
            "the model cannot resolve smaller forces: every predicted force is below \(number(factor)) times its expected "
                + "error (the largest is \(number(ratio)) times)"
        case .stagnation(let step, let fmax):
            "no progress since step \(step); the smallest fmax so far is \(number(fmax)) eV/Å"
        case .cycle(let period): "the same \(period) positions were repeated"
        case .bondsChanged(let changes):
            "\(changes); these environments are out of domain, so an earlier frame is kept. Relax with "
                + "another engine (DFT, tight binding), or allow changes of bonds if they are intended"
        case .outOfDomain(let frozen):
            "\(frozen) \(frozen == 1 ? "atom is" : "atoms are") out of domain and fixed; "
                + "the others are converged"
        }
    }

    private func number(_ value: Double) -> String { String(format: "%.3f", value) }
}

/// An evaluated structure of the relaxation.
public struct RelaxationFrame: Sendable {
    /// Number of the step; 0 for the initial structure.
    public let step: Int
    public let atoms: Atoms
    /// The unmodified prediction of the model: raw forces on every atom.
    public let prediction: ForcePrediction
    /// Largest force norm of an atom that the relaxation may move, eV/Å: the convergence criterion.
    public let fmax: Double
    /// Root mean square of the force norms of the atoms that the relaxation may move, eV/Å.
    public let rmsForce: Double
    /// Largest force norm in the segment whose atoms moved to this frame, eV/Å; equal to ``fmax`` without alternation.
    public let segmentFmax: Double
    /// Number of atoms that were fixed because their environments are out of domain.
    public let frozen: Int
}

/// The reason why a relaxation cannot continue.
public enum RelaxationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The force field returned a force that is not a number.
    case forceNotFinite(atom: Int, step: Int)
    /// The optimiser found no step, because its matrix is singular.
    case noStep(after: Int)

    public var description: String {
        switch self {
        case .forceNotFinite(let atom, let step):
            "the force on atom \(atom) at step \(step) is not a number; inspect the previous structure"
        case .noStep(let step):
            "the optimiser found no step after step \(step): its Hessian is singular; "
                + "use safe-bfgs, or a smaller step limit"
        }
    }
}

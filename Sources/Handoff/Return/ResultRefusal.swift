/// Why what came back is set aside.
public enum ResultRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(String)
    /// Another size or checksum than the marker says.
    case damaged(String)
    case unreadable(String, reason: String)
    /// Larger than what was asked for can take.
    case tooLarge(String, size: Int, limit: Int)
    case otherFormat(Int)
    case otherJob(expected: String, found: String)
    case otherStage(expected: Int, found: Int)
    /// Of an earlier or later attempt at the same stage.
    case otherAttempt(expected: Int, found: Int)
    /// Same job, stage and attempt, but calculated from other inputs.
    case otherInputs
    /// Two files of the result contradict each other.
    case contradiction(String)
    case otherCharge(expected: Int, found: Int)
    case otherMultiplicity(expected: Int, found: Int)
    case otherEngine(expected: String, found: String)
    case otherLevelOfTheory(expected: String, found: String)
    case noFrames(String)
    case atomCount(file: String, frame: Int, expected: Int, found: Int)
    case otherElement(file: String, frame: Int, atom: Int, expected: String, found: String)
    /// An atom is not where it was sent, or not where it can have come to in a step.
    case displaced(file: String, frame: Int, atom: Int, by: Double, limit: Double)
    case fixedAtomMoved(atom: Int, by: Double)
    case notFinite(file: String, frame: Int)
    case noEnergy(file: String, frame: Int)
    case noForces(file: String, frame: Int)
    case wrongUnits(String)
    /// It says converged, and its forces say otherwise.
    case notConverged(fmax: Double, limit: Double)

    public var description: String {
        switch self {
        case .missing(let file): "\(file) is missing"
        case .damaged(let file):
            "\(file) is not the file that was written (size or SHA-256 differ): copy it again"
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .tooLarge(let file, let size, let limit):
            "\(file) has \(size) bytes, more than the \(limit) that the calculation can take; it was not read"
        case .otherFormat(let format): "the result has format \(format), which this program does not know"
        case .otherJob(let expected, let found):
            "a result of job \(found.debugDescription), not of \(expected.debugDescription)"
        case .otherStage(let expected, let found): "a result of stage \(found), not of stage \(expected)"
        case .otherAttempt(let expected, let found):
            "a result of attempt \(found), but attempt \(expected) is awaited"
        case .otherInputs: "calculated from other inputs than those that were handed off"
        case .contradiction(let what): what
        case .otherCharge(let expected, let found): "calculated with charge \(found), not \(expected)"
        case .otherMultiplicity(let expected, let found):
            "calculated with multiplicity \(found), not \(expected)"
        case .otherEngine(let expected, let found): "calculated with \(found), not with \(expected)"
        case .otherLevelOfTheory(let expected, let found):
            "calculated with \(found.debugDescription), not with \(expected.debugDescription)"
        case .noFrames(let file): "\(file) has no frame"
        case .atomCount(let file, let frame, let expected, let found):
            "\(file), frame \(frame): \(found) atoms, not \(expected)"
        case .otherElement(let file, let frame, let atom, let expected, let found):
            "\(file), frame \(frame): atom \(atom) is \(found), not \(expected): other atoms, or another order"
        case .displaced(let file, let frame, let atom, let distance, let limit):
            "\(file), frame \(frame): atom \(atom) is \(decimal(distance, 3)) Å from where it was, more than "
                + "\(decimal(limit, 3)) Å: another structure, another order of atoms, or other units"
        case .fixedAtomMoved(let atom, let distance):
            "atom \(atom) was to stay where it is and moved by \(decimal(distance, 3)) Å"
        case .notFinite(let file, let frame): "\(file), frame \(frame): a value is not a number"
        case .noEnergy(let file, let frame): "\(file), frame \(frame): no energy"
        case .noForces(let file, let frame): "\(file), frame \(frame): no forces"
        case .wrongUnits(let what): what
        case .notConverged(let fmax, let limit):
            "it says converged, but the largest force is \(decimal(fmax, 3)) eV/Å and the limit \(limit) eV/Å"
        }
    }
}

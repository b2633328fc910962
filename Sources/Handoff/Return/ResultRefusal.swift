/// The reason why a returned result is set aside.
public enum ResultRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(String)
    /// The file's size or SHA-256 differs from the one in `DONE.json`.
    case damaged(String)
    case unreadable(String, reason: String)
    /// The file is larger than a result of this package can be.
    case tooLarge(String, size: Int, limit: Int)
    case otherFormat(Int)
    case otherJob(expected: String, found: String)
    case otherStage(expected: Int, found: Int)
    /// The result is of an earlier or later attempt at the same stage.
    case otherAttempt(expected: Int, found: Int)
    /// The result has the right job, stage and attempt, but was computed from other inputs.
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
    /// An atom is too far from its position in the previous frame, or too far from the position that was sent.
    case displaced(file: String, frame: Int, atom: Int, by: Double, limit: Double)
    /// A frame has no cell, or has a cell that differs from the cell of the sent structure.
    case otherCell(file: String, frame: Int)
    case fixedAtomMoved(atom: Int, by: Double)
    case notFinite(file: String, frame: Int)
    case noEnergy(file: String, frame: Int)
    case noForces(file: String, frame: Int)
    case wrongUnits(String)
    /// The verdict says that the calculation converged, but the forces are too large.
    case notConverged(fmax: Double, limit: Double)

    public var description: String {
        switch self {
        case .missing(let file): "\(file) is missing"
        case .damaged(let file):
            "\(file) differs from the file that was written (size or SHA-256): copy it again"
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .tooLarge(let file, let size, let limit):
            "\(file) has \(size) bytes, more than the limit of \(limit) for this calculation; it was not read"
        case .otherFormat(let format): "the result has format \(format), which this program does not support"
        case .otherJob(let expected, let found):
            "it is the result of job \(found.debugDescription), not of \(expected.debugDescription)"
        case .otherStage(let expected, let found):
            "it is the result of stage \(found), not of stage \(expected)"
        case .otherAttempt(let expected, let found):
            "it is the result of attempt \(found), not of attempt \(expected)"
        case .otherCell(let file, let frame):
            "\(file), frame \(frame): the lattice vectors or pbc are not those of the structure that was handed off"
        case .otherInputs: "it was computed from other inputs than those handed off"
        case .contradiction(let what): what
        case .otherCharge(let expected, let found): "calculated with charge \(found), not \(expected)"
        case .otherMultiplicity(let expected, let found):
            "calculated with multiplicity \(found), not \(expected)"
        case .otherEngine(let expected, let found): "calculated with \(found), not with \(expected)"
        case .otherLevelOfTheory(let expected, let found):
            "calculated with \(found.debugDescription), not with \(expected.debugDescription)"
        case .noFrames(let file): "\(file) has no frames"
        case .atomCount(let file, let frame, let expected, let found):
            "\(file), frame \(frame): \(found) atoms, not \(expected)"
        case .otherElement(let file, let frame, let atom, let expected, let found):
            "\(file), frame \(frame): atom \(atom) is \(found), not \(expected): other atoms, or another order"
        case .displaced(let file, let frame, let atom, let distance, let limit):
            "\(file), frame \(frame): atom \(atom) is \(decimal(distance, 3)) Å from its previous position, more than "
                + "\(decimal(limit, 3)) Å: another structure, another order of atoms, or other units"
        case .fixedAtomMoved(let atom, let distance):
            "atom \(atom) is fixed but moved by \(decimal(distance, 3)) Å"
        case .notFinite(let file, let frame): "\(file), frame \(frame): a value is not a number"
        case .noEnergy(let file, let frame): "\(file), frame \(frame): no energy"
        case .noForces(let file, let frame): "\(file), frame \(frame): no forces"
        case .wrongUnits(let what): what
        case .notConverged(let fmax, let limit):
            "the verdict is converged, but the largest force is \(decimal(fmax, 3)) eV/Å and the limit \(limit) eV/Å"
        }
    }
}

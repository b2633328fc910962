/// The reason why training is impossible with the given frames.
public enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    case noFrames
    /// A frame (0-based index in the input) without forces.
    case noForces(frame: Int)
    /// A coordinate or a force that is not a number.
    case notFinite(frame: Int, atom: Int)
    /// A periodic frame.
    case periodic(frame: Int)
    case unknownElement(String, frame: Int, atom: Int)
    case coincidentAtoms(frame: Int, Int, Int)
    /// A frame with another level of theory than the recipe.
    case levelOfTheory(frame: Int, found: String?, expected: String)
    /// Every class has too few environments.
    case tooFewEnvironments([String: Int], needed: Int)
    /// No candidate kernel gives a class a matrix that can be solved.
    case noPositiveDefiniteKernel(String)

    public var description: String {
        switch self {
        case .noFrames: "there are no frames to learn from"
        case .noForces(let frame): "frame \(frame) has no forces"
        case .notFinite(let frame, let atom):
            "frame \(frame), atom \(atom): a coordinate or force is not a number"
        case .periodic(let frame): "frame \(frame) is periodic; the model supports only molecules"
        case .unknownElement(let symbol, let frame, let atom):
            "frame \(frame), atom \(atom): \(symbol) is not among the descriptor's species"
        case .coincidentAtoms(let frame, let i, let j):
            "frame \(frame): atoms \(i) and \(j) are at the same position"
        case .levelOfTheory(let frame, let found, let expected):
            "frame \(frame) is labelled by '\(found ?? "nothing")', not by '\(expected)': "
                + "levels of theory must not be mixed"
        case .noPositiveDefiniteKernel(let name):
            "\(name): no candidate kernel is numerically positive definite; try a larger noise"
        case .tooFewEnvironments(let counts, let needed):
            "every class has too few atoms (\(needed) needed): "
                + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                .joined(separator: ", ")
        }
    }
}

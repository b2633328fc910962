/// Why frames cannot be learnt from.
public enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    case noFrames
    /// A frame (0-based, of those given) without forces.
    case noForces(frame: Int)
    /// A coordinate or a force that is no number.
    case notFinite(frame: Int, atom: Int)
    /// A frame that repeats in space.
    case periodic(frame: Int)
    case unknownElement(String, frame: Int, atom: Int)
    case coincidentAtoms(frame: Int, Int, Int)
    /// A frame of another level of theory than the recipe says.
    case levelOfTheory(frame: Int, found: String?, expected: String)
    /// Every class has too few environments.
    case tooFewEnvironments([String: Int], needed: Int)
    /// No kernel of those to try gives a class a matrix that can be solved.
    case noPositiveDefiniteKernel(String)

    public var description: String {
        switch self {
        case .noFrames: "there are no frames to learn from"
        case .noForces(let frame): "frame \(frame) has no forces"
        case .notFinite(let frame, let atom):
            "frame \(frame), atom \(atom): a coordinate or force is not a number"
        case .periodic(let frame): "frame \(frame) is periodic; the model learns molecules only"
        case .unknownElement(let symbol, let frame, let atom):
            "frame \(frame), atom \(atom): \(symbol) is not among the descriptor's species"
        case .coincidentAtoms(let frame, let i, let j):
            "frame \(frame): atoms \(i) and \(j) are at the same place"
        case .levelOfTheory(let frame, let found, let expected):
            "frame \(frame) is labelled by '\(found ?? "nothing")', not by '\(expected)': "
                + "levels of theory must not be mixed"
        case .noPositiveDefiniteKernel(let name):
            "\(name): no kernel of those to try is positive definite beyond rounding; try a larger noise"
        case .tooFewEnvironments(let counts, let needed):
            "too few atoms of every class (\(needed) needed): "
                + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                .joined(separator: ", ")
        }
    }
}

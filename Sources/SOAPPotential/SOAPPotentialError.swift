/// The reason why a potential cannot be trained on these frames or read from this file.
public enum SOAPPotentialError: Error, Sendable, Equatable, CustomStringConvertible {
    case noFrames
    /// This 0-based training frame has no forces.
    case noForces(frame: Int)
    /// A position, force or energy of this frame is NaN or infinite.
    case notFinite(frame: Int)
    /// The frames have different levels of theory.
    case mixedLevelsOfTheory([String])
    /// Validation frames have elements that the training frames do not have.
    case unknownElements([String])
    /// A setting is out of its range: its name, its value, the allowed values.
    case invalidSetting(name: String, value: String, allowed: String)

    public var description: String {
        switch self {
        case .noFrames: "there are no training frames"
        case .noForces(let frame): "frame \(frame) has no forces, which training needs"
        case .notFinite(let frame): "frame \(frame) has a number that is not finite"
        case .mixedLevelsOfTheory(let levels):
            "the frames have different levels of theory, which must not be mixed in one fit: "
                + levels.joined(separator: " | ")
        case .unknownElements(let symbols):
            "the validation frames contain \(symbols.joined(separator: ", ")), absent from the training frames"
        case .invalidSetting(let name, let value, let allowed):
            "\(name) is \(value); it must be \(allowed)"
        }
    }
}

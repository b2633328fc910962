/// Why no potential can be made of these frames, or none be read from this file.
public enum SOAPPotentialError: Error, Sendable, Equatable, CustomStringConvertible {
    case noFrames
    /// This 0-based training frame has no forces.
    case noForces(frame: Int)
    /// A position, force or energy of this frame is NaN or infinite.
    case notFinite(frame: Int)
    /// The frames were labelled by more than one method.
    case mixedLevelsOfTheory([String])
    /// Validation frames hold elements that the training frames do not.
    case unknownElements([String])
    /// A periodic frame: the potential is one of molecules.
    case periodic(frame: Int)
    /// A setting out of its range.
    case invalidSetting(name: String, value: String, allowed: String)

    public var description: String {
        switch self {
        case .noFrames: "there is no training frame"
        case .noForces(let frame): "frame \(frame) has no forces; a potential is learnt from forces"
        case .notFinite(let frame): "frame \(frame) holds a number that is not finite"
        case .mixedLevelsOfTheory(let levels):
            "the frames come from different levels of theory, which must not be mixed in one fit: "
                + levels.joined(separator: " | ")
        case .unknownElements(let symbols):
            "the validation frames hold \(symbols.joined(separator: ", ")), of which no training frame tells"
        case .periodic(let frame): "frame \(frame) is periodic; the potential treats molecules only"
        case .invalidSetting(let name, let value, let allowed):
            "\(name) is \(value); it must be \(allowed)"
        }
    }
}

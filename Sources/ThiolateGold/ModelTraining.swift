import Atomistics
import ModelFile

/// The input of a training other than the frames.
public struct ModelTraining<Options: Sendable>: Sendable {
    /// The name of the model.
    public var name: String
    /// Level of theory of every frame, verbatim.
    public var levelOfTheory: String
    public var options: Options
    /// The source of the frames, as text for users.
    public var provenance: [String: String]

    public init(name: String, levelOfTheory: String, options: Options, provenance: [String: String] = [:]) {
        self.name = name
        self.levelOfTheory = levelOfTheory
        self.options = options
        self.provenance = provenance
    }
}

/// The training of learning machines for the norm and the direction of the force.
public typealias OAMLMTraining = ModelTraining<OAMLMOptions>
/// The training of one kernel for the whole force vector.
public typealias VectorKernelTraining = ModelTraining<VectorKernelOptions>

/// The header of a model file with one model per class of atom.
struct ClassModelHeader<Options: Codable & Sendable, Class: Codable & Sendable>: Codable, Sendable {
    var levelOfTheory: String
    var options: Options
    var frames: Int
    /// Shortest distance of each pair of elements in the training frames; nil in models of earlier versions.
    var shortestDistances: PairDistances?
    var provenance: [String: String]
    var classes: [Class]

    /// Reads the header of a model file of this kind.
    static func read(
        from file: ModelFile, kind: String
    ) throws(ModelFileError) -> (header: Self, provenance: ForceFieldProvenance) {
        guard file.kind == kind else {
            throw .wrongKind(path: file.path, found: file.kind, expected: kind)
        }
        let header = try file.header(as: Self.self)
        return (
            header,
            ForceFieldProvenance(
                name: file.name, kind: kind, version: file.version, levelOfTheory: header.levelOfTheory)
        )
    }
}

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
    /// A frame whose level of theory is not that of the training.
    case levelOfTheory(frame: Int, found: String?, expected: String)
    /// Every class has too few environments.
    case tooFewEnvironments([String: Int], needed: Int)
    /// No candidate kernel gives a positive definite matrix for this class.
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

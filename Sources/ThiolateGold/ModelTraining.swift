import Atomistics
import ModelFile

/// The input of a training other than frames with forces.
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

/// Learning machines for norm and direction.
public typealias OAMLMTraining = ModelTraining<OAMLMOptions>
/// One kernel for the whole vector.
public typealias VectorKernelTraining = ModelTraining<VectorKernelOptions>

/// The part of a model file that is not arrays of numbers.
struct ClassModelHeader<Options: Codable & Sendable, Class: Codable & Sendable>: Codable, Sendable {
    var levelOfTheory: String
    var options: Options
    var frames: Int
    /// Shortest distances in the frames; nil in older models.
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

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

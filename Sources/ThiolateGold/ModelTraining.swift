/// What training a model of one of the kinds takes beside frames with forces.
public struct ModelTraining<Options: Sendable>: Sendable {
    /// The name that the model is called by.
    public var name: String
    /// Of every frame, verbatim.
    public var levelOfTheory: String
    public var options: Options
    /// Where the frames come from, for people.
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

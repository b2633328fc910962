import Atomistics
public import MinimalLearning

/// Everything that decides what a vector-valued kernel model learns from given frames; recorded in the
/// model file.
public struct VectorKernelOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Most references of a class.
    public var references = 1000
    /// Of these, how many the kernel is chosen with.
    public var choiceReferences = 300
    /// What is tried for every class; the least error with frames left out stays.
    public var shapes: [RadialKernel] = [.matern32, .gaussian]
    /// ℓ as a multiple of the median distance between references.
    public var lengths = [4.0, 8, 16]
    /// σ₂, Å.
    public var sigma2 = [0.8, 1.6, 3.2]
    /// λ.
    public var noises = [1e-4, 1e-3, 1e-2, 0.1]

    public init() {}

    /// Every combination with this σ₂, for a class whose references have this median distance.
    func candidates(medianDistance: Double, sigma2: Double) -> [VectorKernel] {
        shapes.flatMap { shape in
            lengths.flatMap { length in
                noises.map {
                    VectorKernel(
                        shape: shape, length: length * medianDistance, sigma2: sigma2, noise: $0)
                }
            }
        }
    }
}

/// What the model file says beside its numbers.
struct VectorKernelHeader: Codable, Sendable {
    struct Class: Codable, Sendable {
        var atomClass: AtomClass
        var environments: Int
        var kernel: VectorKernel
        var calibration: Calibration
    }

    var levelOfTheory: String
    var options: VectorKernelOptions
    var frames: Int
    /// In the frames; nil in models of before.
    var shortestDistances: PairDistances?
    var provenance: [String: String]
    var classes: [Class]
}

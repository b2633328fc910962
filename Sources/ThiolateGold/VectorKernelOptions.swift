import Atomistics
public import MinimalLearning

/// All settings of the training of a vector-valued kernel model; recorded in the model file.
public struct VectorKernelOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Largest number of references of a class.
    public var references = 1000
    /// Number of these that are used for choosing the kernel.
    public var choiceReferences = 300
    /// Kernels to try for every class; the one with the least error on held-out frames is kept.
    public var shapes: [RadialKernel] = [.matern32, .gaussian]
    /// ℓ as a multiple of the median distance between references.
    public var lengths = [4.0, 8, 16]
    /// σ₂, Å.
    public var sigma2 = [0.8, 1.6, 3.2]
    /// λ.
    public var noises = [1e-4, 1e-3, 1e-2, 0.1]

    public init() {}

    /// Returns every combination with this σ₂, for a class whose references have this median
    /// distance.
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

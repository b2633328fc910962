import Atomistics
public import Descriptors
public import MinimalLearning

/// The options of the classification, description and comparison of atoms, which all models of this module share.
public struct EnvironmentOptions: Sendable, Equatable, Codable {
    /// The environments over which the range of each feature is scaled to [0, 1].
    public enum ScalingSet: String, Sendable, Codable, CaseIterable {
        /// All environments of the class.
        case pool
        /// The environments that become references.
        case selected
    }

    public var soap = SOAPSettings.paper
    public var scaling = ScalingSet.pool
    public var start = MaximinStart.closestToMean
    /// Number of environments, as a multiple of the number of references, from which the references are selected; these
    /// environments are chosen at random. Nil means that the references are selected from all environments.
    ///
    /// With a small value the references follow the distribution of the data. A selection from all environments takes
    /// outliers first.
    public var candidates: Double?
    public var group = RotationGroup.o3
    /// Number of core gold triangles that are aligned (eq. 18).
    public var triangles = 10
    public var classification = Classification.Options()
    /// Smallest number of environments with which a class is trained.
    public var fewestEnvironments = 10

    public init() {}
}

/// Settings that may differ between classes.
public struct ClassOptions: Sendable, Equatable, Codable {
    public var direction: DirectionSolver
    /// Width σ₂ of the alignment weights exp(−(g/σ₂)²), where g is the misfit of an alignment, Å.
    public var sigma2: Double

    public init(direction: DirectionSolver = .paperEq17, sigma2: Double = 0.5) {
        self.direction = direction
        self.sigma2 = sigma2
    }
}

/// All settings of the training of an OAMLM force field, which are recorded in the model file.
public struct OAMLMOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Largest number of references of a norm model.
    public var normReferences = 5000
    public var objective = NormObjective.exact
    public var ridge = EMLM.paperRidge
    /// Largest number of references of a direction model.
    public var directionReferences = 2500
    /// Whether misfits of alignments are learnt, too.
    public var alignmentModel = false
    /// Whether a negative predicted norm counts as zero.
    public var clampNorm = true
    /// Whether predicted projections are limited to [−1, 1].
    public var clipProjections = false
    public var classes = Dictionary(
        uniqueKeysWithValues: AtomClass.allCases.map {
            ($0, ClassOptions(sigma2: $0 == .unitGold ? 0.25 : 0.5))
        })

    /// Alternative methods for directions that are tried for every class; the method with the smallest cross-validated
    /// error of the force vector is kept. If the list is empty, each class keeps its own method.
    public var alternatives: [ClassOptions] = []

    /// The paper's final settings.
    public init() {}

    /// Returns the methods to try for a class: its own method, then the alternatives with the same σ₂, then the other
    /// alternatives by ascending σ₂.
    func candidates(_ atomClass: AtomClass) -> [ClassOptions] {
        let others = alternatives.filter { $0 != self[atomClass] }
        return [self[atomClass]]
            + others.filter { $0.sigma2 == self[atomClass].sigma2 }
            + others.filter { $0.sigma2 != self[atomClass].sigma2 }.sorted { $0.sigma2 < $1.sigma2 }
    }

    public subscript(_ atomClass: AtomClass) -> ClassOptions { classes[atomClass] ?? ClassOptions() }
}

/// All settings of the training of a vector-valued kernel model, which are recorded in the model file.
public struct VectorKernelOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Largest number of references of a class.
    public var references = 1000
    /// Number of references with which the kernel is chosen.
    public var choiceReferences = 300
    /// Kernels to try for every class; the kernel with the smallest error on held-out frames is kept.
    public var shapes: [RadialKernel] = [.matern32, .gaussian]
    /// Length scales ℓ to try, as multiples of the median distance between references.
    public var lengths = [4.0, 8, 16]
    /// Tolerances σ₂ of the neighbours' positions to try, Å.
    public var sigma2 = [0.8, 1.6, 3.2]
    /// Regularisations λ to try, relative to the kernel at distance zero.
    public var noises = [1e-4, 1e-3, 1e-2, 0.1]

    public init() {}

    /// Returns a kernel with this σ₂ for every combination of shape, length scale and regularisation. The length scales
    /// are multiples of the median distance between the references of the class.
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

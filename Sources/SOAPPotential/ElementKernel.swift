import Atomistics
import Descriptors
import LinearAlgebra

/// The inducing environments of one element, and the factor of their kernel matrix
/// K_mm' = (p̂_m·p̂_m')^power = L Lᵀ.
struct ElementKernel: Sendable {
    let element: Element
    let space: FeatureSpace
    let power: Int
    /// p̂_m, M×F.
    let inducing: Matrix
    /// L⁻ᵀ, M×M: a row of kernel values times it is a row of independent, unit-variance features.
    let whitening: Matrix
    /// Mean of the kernel values over the inducing environments, M: the reference from which the doubt about
    /// an atom's energy is counted, since a constant in it means nothing for forces.
    let mean: [Double]

    var count: Int { inducing.rows }

    /// Added to the diagonal of K; doubled until it is positive definite.
    private static let smallestJitter = 1e-10

    init(element: Element, space: FeatureSpace, power: Int, inducing: Matrix) throws(LinearAlgebraError) {
        self.element = element
        self.space = space
        self.power = power
        self.inducing = inducing
        var kernel = product(inducing, inducing, transposeB: true)
        for i in kernel.storage.indices { kernel.storage[i] = raise(kernel.storage[i], power) }
        mean = product(kernel, [Double](repeating: 1 / Double(kernel.rows), count: kernel.rows))
        var jitter = Self.smallestJitter
        while true {
            var shifted = kernel
            for i in 0..<kernel.rows { shifted[i, i] += jitter }
            do {
                whitening = try Cholesky(shifted).whitenRows(.identity(kernel.rows))
                return
            } catch {
                jitter *= 2
                if jitter > 1e-4 { throw error }
            }
        }
    }

    init(
        element: Element, space: FeatureSpace, power: Int, inducing: Matrix, whitening: Matrix,
        mean: [Double]
    ) {
        self.element = element
        self.space = space
        self.power = power
        self.inducing = inducing
        self.whitening = whitening
        self.mean = mean
    }
}

import Atomistics
import Descriptors
import LinearAlgebra

/// Inducing environments of one element. Each is stored with only the features of the elements in its frame, because
/// all other features of its power spectrum are zero.
struct InducingEnvironments: Sendable {
    /// Environments of frames with the same elements.
    struct Group: Sendable {
        let space: FeatureSpace
        /// Normalised power spectra p̂_m, one row per environment, with the features of `space`; M×F.
        let rows: Matrix
    }

    let groups: [Group]

    var count: Int { groups.reduce(0) { $0 + $1.rows.rows } }

    /// Returns the normalised power spectra p̂_m of all environments, M×F, with the features of `space`. Features that
    /// `space` lacks are left out.
    func rows(in space: FeatureSpace) -> Matrix {
        var result = Matrix(rows: count, columns: space.soap.featureCount)
        var first = 0
        for group in groups {
            group.space.copy(group.rows, to: space, into: &result, firstRow: first)
            first += group.rows.rows
        }
        return result
    }
}

/// The inducing environments of one element, and the factor of their kernel matrix
/// K_mm' = (p̂_m·p̂_m')^power = L Lᵀ.
struct ElementKernel: Sendable {
    let element: Element
    let descriptor: SOAPSettings
    let power: Int
    let environments: InducingEnvironments
    /// L⁻ᵀ, M×M: a row of kernel values times this matrix is a row of independent, unit-variance
    /// features.
    let whitening: Matrix
    /// Mean of the kernel values over the inducing environments, M values. The uncertainty of an atom's energy is
    /// computed relative to this mean, because a constant in the energy does not affect forces.
    let mean: [Double]

    var count: Int { whitening.rows }

    /// The number that is added to the diagonal of K; it is doubled until K is positive definite.
    private static let smallestJitter = 1e-10

    init(
        element: Element, descriptor: SOAPSettings, power: Int,
        environments: InducingEnvironments
    ) throws(LinearAlgebraError) {
        self.element = element
        self.descriptor = descriptor
        self.power = power
        self.environments = environments
        var kernel = Matrix(rows: environments.count, columns: environments.count)
        var first = 0
        for group in environments.groups {
            let similarity = product(group.rows, environments.rows(in: group.space), transposeB: true)
            for row in 0..<similarity.rows {
                for (column, value) in similarity.row(row).enumerated() {
                    kernel[first + row, column] = raise(value, power)
                }
            }
            first += group.rows.rows
        }
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
        element: Element, descriptor: SOAPSettings, power: Int,
        environments: InducingEnvironments, whitening: Matrix, mean: [Double]
    ) {
        self.element = element
        self.descriptor = descriptor
        self.power = power
        self.environments = environments
        self.whitening = whitening
        self.mean = mean
    }

    /// Returns the kernel for structures of only these elements, which is faster, because the cost of the descriptor
    /// grows with the square of the number of elements.
    func restricted(to species: [Element]) throws -> RestrictedKernel {
        let space = FeatureSpace(try descriptor.soap(of: species), id: descriptor)
        return RestrictedKernel(kernel: self, space: space, inducing: environments.rows(in: space))
    }
}

/// An element's kernel for structures that contain only some of the model's elements.
struct RestrictedKernel: Sendable {
    let kernel: ElementKernel
    let space: FeatureSpace
    /// Normalised power spectra p̂_m of the inducing environments with the features of ``space``, M×F. A row is shorter
    /// than 1 if its environment contains elements that ``space`` lacks.
    let inducing: Matrix

    var element: Element { kernel.element }
    var power: Int { kernel.power }
    var count: Int { kernel.count }
    var whitening: Matrix { kernel.whitening }
    var mean: [Double] { kernel.mean }
}

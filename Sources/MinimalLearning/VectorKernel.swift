import Foundation
public import LinearAlgebra

/// A radial kernel k(d) with k(0) = 1 that is positive definite in every number of dimensions.
public enum RadialKernel: String, Sendable, Codable, CaseIterable {
    /// exp(−d/ℓ).
    case exponential
    /// (1 + √3 d/ℓ) exp(−√3 d/ℓ).
    case matern32
    /// exp(−d²/2ℓ²).
    case gaussian

    public func callAsFunction(_ distance: Double, length: Double) -> Double {
        let t = distance / length
        switch self {
        case .exponential: return exp(-t)
        case .matern32: return (1 + 3.0.squareRoot() * t) * exp(-3.0.squareRoot() * t)
        case .gaussian: return exp(-t * t / 2)
        }
    }
}

/// The parameters of a vector-valued kernel.
public struct VectorKernel: Sendable, Equatable, Codable {
    public var shape: RadialKernel
    /// Length ℓ of the radial kernel, in the unit of the scaled descriptor.
    public var length: Double
    /// Tolerance σ₂ of the neighbours' positions in the local coordinate systems, Å.
    public var sigma2: Double
    /// Regularisation λ, which is added to the diagonal of the kernel matrix, in units of k(0).
    public var noise: Double

    public init(shape: RadialKernel, length: Double, sigma2: Double, noise: Double) {
        (self.shape, self.length, self.sigma2, self.noise) = (shape, length, sigma2, noise)
    }

    /// Returns the 3n×3n matrix of the blocks k(d_ij) M_ij, with λ added to the diagonal. d and M are the distances and
    /// the overlaps of `pairs`.
    ///
    /// - Parameters:
    ///   - pairs: pairs with the same σ₂.
    ///   - n: number of leading references that are used.
    public func matrix(_ pairs: FramedPairs, count n: Int) -> Matrix {
        let total = pairs.count
        precondition(n <= total && pairs.sigma == sigma2, "a prefix of the references, with the same σ₂")
        var result = Matrix(rows: 3 * n, columns: 3 * n)
        result.storage.withUnsafeMutableBufferPointer { out in
            nonisolated(unsafe) let out = out
            forEachChunk(of: n) { range in
                for i in range {
                    for j in 0..<n {
                        let k = shape(pairs.distances[max(i, j), min(i, j)], length: length)
                        let block = 9 * (i * total + j)
                        for r in 0..<3 {
                            for c in 0..<3 {
                                out[(3 * i + r) * 3 * n + 3 * j + c] =
                                    k * pairs.overlaps[block + 3 * r + c]
                            }
                        }
                    }
                    for r in 0..<3 { out[(3 * i + r) * (3 * n + 1)] += noise }
                }
            }
        }
        return result
    }
}

/// A vector field learnt with a kernel that rotates with its argument:
///
///     F(x) = Σ_j k(|x − x_j|) M_j a_j,      (K + λ) a = F,
///
/// where M_j is the normalised ``LocalFrames/overlap(_:sigma:)`` of the input's environment with the environment of
/// reference j, and all 3n components of a are solved together. K is positive definite.
/// If M were replaced by the best of several alignments, K would not be positive definite, and a regularisation strong
/// enough to make it so would leave nothing to learn.
///
/// - Source: covariant kernels, Glielmo, Sollich, De Vita, Phys. Rev. B 95, 214302 (2017).
public struct VectorKernelFit: Sendable {
    public let kernel: VectorKernel
    /// The coefficients a_j, one vector per reference.
    public let coefficients: [SIMD3<Double>]
    private let factor: Cholesky

    /// - Parameters:
    ///   - kernel: k.
    ///   - pairs: the pairs of the references.
    ///   - vectors: F at the leading references; as many references are used as there are vectors.
    /// - Complexity: 9n³ operations, 72 n² bytes.
    /// - Throws: `LinearAlgebraError` if the matrix is not positive definite.
    public init(
        _ kernel: VectorKernel, _ pairs: FramedPairs, vectors: [SIMD3<Double>]
    ) throws(LinearAlgebraError) {
        self.kernel = kernel
        factor = try Cholesky(kernel.matrix(pairs, count: vectors.count))
        let a = factor.solve(vectors.flatMap { [$0.x, $0.y, $0.z] })
        coefficients = vectors.indices.map { [a[3 * $0], a[3 * $0 + 1], a[3 * $0 + 2]] }
    }

    /// Returns the prediction at each reference by a fit without the reference's group, which is F_G − (C_GG)⁻¹ a_G
    /// with C = (K + λ)⁻¹.
    ///
    /// - Parameters:
    ///   - groups: one group number per reference.
    ///   - vectors: F at the references.
    /// - Complexity: 54n³ operations for the inverse.
    public func withoutGroups(
        _ groups: [Int], vectors: [SIMD3<Double>]
    ) throws(LinearAlgebraError) -> [SIMD3<Double>] {
        precondition(
            groups.count == coefficients.count && vectors.count == groups.count,
            "one group and one vector per reference")
        let inverse = factor.solve(Matrix.identity(3 * groups.count))
        var result = vectors
        for group in Dictionary(grouping: groups.indices, by: { groups[$0] }).values {
            let rows = group.flatMap { [3 * $0, 3 * $0 + 1, 3 * $0 + 2] }
            var block = Matrix(rows: rows.count, columns: rows.count)
            for (i, p) in rows.enumerated() {
                for (j, q) in rows.enumerated() {
                    block[i, j] = (inverse[p, q] + inverse[q, p]) / 2
                }
            }
            let r = try Cholesky(block).solve(
                group.flatMap { [coefficients[$0].x, coefficients[$0].y, coefficients[$0].z] })
            for (k, i) in group.enumerated() {
                result[i] -= [r[3 * k], r[3 * k + 1], r[3 * k + 2]]
            }
        }
        return result
    }
}

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

/// The pairs of a set of references: how far apart, and how one is laid over the other.
public struct AlignedPairs: Sendable {
    public let count: Int
    /// K×K.
    public let distances: Matrix
    /// K×K rows of nine: R_ij maps reference j onto reference i.
    public let rotations: [Double]
    /// K×K, Å.
    public let misfits: [Double]

    /// - Parameter align: lays every reference over reference i.
    /// - Complexity: K² alignments, 80 K² bytes.
    public init(distances: Matrix, align: @Sendable (Int, inout Alignments) -> Void) {
        let n = distances.rows
        (count, self.distances) = (n, distances)
        var rotations = [Double](repeating: 0, count: 9 * n * n)
        var misfits = [Double](repeating: 0, count: n * n)
        rotations.withUnsafeMutableBufferPointer { r in
            misfits.withUnsafeMutableBufferPointer { g in
                nonisolated(unsafe) let (r, g) = (r, g)
                forEachChunk(of: n) { range in
                    var result = Alignments(count: n)
                    for i in range {
                        align(i, &result)
                        for j in 0..<n {
                            g[i * n + j] = result.misfits[j]
                            for c in 0..<9 { r[9 * (i * n + j) + c] = result.rotations[9 * j + c] }
                        }
                        // A reference maps onto itself, whichever of several perfect fits was found.
                        g[i * n + i] = 0
                        for c in 0..<9 { r[9 * (i * n + i) + c] = c % 4 == 0 ? 1 : 0 }
                    }
                }
            }
        }
        (self.rotations, self.misfits) = (rotations, misfits)
    }
}

/// What decides a vector-valued kernel.
public struct VectorKernel: Sendable, Equatable, Codable {
    public var shape: RadialKernel
    /// ℓ, in the descriptor's scaled units.
    public var length: Double
    /// σ₂, Å: how bad an alignment may be before it counts little.
    public var sigma2: Double
    /// λ, in units of k(0).
    public var noise: Double

    public init(shape: RadialKernel, length: Double, sigma2: Double, noise: Double) {
        (self.shape, self.length, self.sigma2, self.noise) = (shape, length, sigma2, noise)
    }

    /// k(d) exp(−(g/σ₂)²); zero where nothing could be aligned.
    public func callAsFunction(distance: Double, misfit: Double) -> Double {
        guard misfit.isFinite else { return 0 }
        let t = misfit / sigma2
        return shape(distance, length: length) * exp(-t * t)
    }

    /// 3n×3n: blocks k(d_ij) exp(−(g_ij/σ₂)²) R_ij, made symmetric, with λ on the diagonal.
    ///
    /// - Parameter count: the leading references that are used.
    public func matrix(_ pairs: AlignedPairs, count n: Int) -> Matrix {
        let total = pairs.count
        precondition(n <= total, "a prefix of the references")
        var result = Matrix(rows: 3 * n, columns: 3 * n)
        result.storage.withUnsafeMutableBufferPointer { out in
            nonisolated(unsafe) let out = out
            forEachChunk(of: n) { range in
                for i in range {
                    for j in 0..<n {
                        let (ij, ji) = (i * total + j, j * total + i)
                        let a =
                            self(
                                distance: pairs.distances[i, j], misfit: pairs.misfits[ij]) / 2
                        let b =
                            self(
                                distance: pairs.distances[j, i], misfit: pairs.misfits[ji]) / 2
                        for r in 0..<3 {
                            for c in 0..<3 {
                                out[(3 * i + r) * 3 * n + 3 * j + c] =
                                    a * pairs.rotations[9 * ij + 3 * r + c]
                                    + b * pairs.rotations[9 * ji + 3 * c + r]
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

/// A vector field learnt by a kernel that turns with its argument:
///
///     F(x) = Σ_j k(|x − x_j|) exp(−(g_j/σ₂)²) R_j a_j,      (K + λ) a = F,
///
/// where R_j lays reference j over the input with misfit g_j, and all 3n components of a are solved
/// together. Blocks that are the best of several alignments do not always make a positive definite matrix:
/// where λ does not mend that, the fit fails, and another kernel must be taken.
///
/// - Source: covariant kernels, Glielmo, Sollich, De Vita, Phys. Rev. B 95, 214302 (2017).
public struct VectorKernelFit: Sendable {
    public let kernel: VectorKernel
    /// a_j.
    public let coefficients: [SIMD3<Double>]
    private let factor: Cholesky

    /// - Parameter vectors: F at the leading references; as many as are used.
    /// - Complexity: 9n³ operations, 72 n² bytes.
    /// - Throws: `LinearAlgebraError` where the matrix is not positive definite.
    public init(
        _ kernel: VectorKernel, _ pairs: AlignedPairs, vectors: [SIMD3<Double>]
    ) throws(LinearAlgebraError) {
        self.kernel = kernel
        factor = try Cholesky(kernel.matrix(pairs, count: vectors.count))
        let a = factor.solve(vectors.flatMap { [$0.x, $0.y, $0.z] })
        coefficients = vectors.indices.map { [a[3 * $0], a[3 * $0 + 1], a[3 * $0 + 2]] }
    }

    /// What the fit would give at each reference had it not seen any of the reference's group:
    /// F_G − (C_GG)⁻¹ a_G with C = (K + λ)⁻¹.
    ///
    /// - Parameter groups: one number a reference.
    /// - Complexity: 54n³ operations for the inverse.
    public func withoutGroups(
        _ groups: [Int], vectors: [SIMD3<Double>]
    ) throws(LinearAlgebraError) -> [SIMD3<Double>] {
        precondition(groups.count == coefficients.count && vectors.count == groups.count, "one a reference")
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

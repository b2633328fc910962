import CLAPACK

/// The eigendecomposition A = V diag(λ) Vᵀ of a symmetric matrix (LAPACK `dsyevd`).
public struct SymmetricEigen: Sendable {
    /// λ, ascending.
    public let values: [Double]
    /// Vᵀ: row k is the unit eigenvector of `values[k]`.
    public let vectors: Matrix

    /// - Parameter a: N×N, symmetric.
    /// - Throws: ``LinearAlgebraError/noConvergence(routine:)``, ``LinearAlgebraError/notFinite(routine:)``.
    /// - Complexity: about 4/3 N³ to 9 N³ floating-point operations.
    public init(_ a: Matrix) throws(LinearAlgebraError) {
        precondition(a.rows == a.columns, "eigenvalues need a square matrix")
        try requireFinite(a.storage, "dsyevd")
        var v = a.storage
        var w = [Double](repeating: 0, count: a.rows)
        if a.rows > 0 {
            var (n, info, jobz, uplo) = (
                Int32(a.rows), Int32(0), CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L"))
            )
            var (lwork, liwork, query, iquery) = (Int32(-1), Int32(-1), 0.0, Int32(0))
            dsyevd_(
                &jobz, &uplo, &n, &v, &n, &w, &query, &lwork, &iquery, &liwork, &info, 1, 1)
            var work = [Double](repeating: 0, count: Int(query))
            var iwork = [Int32](repeating: 0, count: Int(iquery))
            (lwork, liwork) = (Int32(work.count), Int32(iwork.count))
            dsyevd_(
                &jobz, &uplo, &n, &v, &n, &w, &work, &lwork, &iwork, &liwork, &info, 1, 1)
            try check(info, "dsyevd") { _ in .noConvergence(routine: "dsyevd") }
        }
        values = w
        vectors = Matrix(rows: a.rows, columns: a.rows, storage: v)
    }

    /// Returns V diag(f(λ)) Vᵀ.
    public func applying(_ f: (Double) -> Double) -> Matrix {
        var scaled = vectors
        for k in 0..<scaled.rows {
            let factor = f(values[k])
            for i in 0..<scaled.columns { scaled[k, i] *= factor }
        }
        return product(vectors, scaled, transposeA: true)
    }
}

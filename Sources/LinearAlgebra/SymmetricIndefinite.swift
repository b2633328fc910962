import CLAPACK

/// The factorisation A = L D Lᵀ of a symmetric, possibly indefinite matrix with Bunch–Kaufman pivoting (LAPACK
/// `dsytrf`, `dsytrs`). It solves systems with distance matrices, which have one positive eigenvalue.
public struct SymmetricIndefinite: Sendable {
    public let size: Int
    /// Estimate of 1/cond₁(A).
    public let reciprocalCondition: Double
    private var factor: [Double]
    private var pivots: [Int32]

    /// - Parameter a: N×N, symmetric.
    /// - Throws: ``LinearAlgebraError/singular(pivot:)`` if a diagonal block is exactly zero.
    /// - Complexity: N³/3 floating-point operations.
    public init(_ a: Matrix) throws(LinearAlgebraError) {
        precondition(a.rows == a.columns, "factorisation needs a square matrix")
        try requireFinite(a.storage, "dsytrf")
        size = a.rows
        factor = a.storage
        pivots = [Int32](repeating: 0, count: size)
        guard size > 0 else {
            reciprocalCondition = 1
            return
        }
        let norm = (0..<size).reduce(0.0) { norm, i in
            max(norm, a.row(i).reduce(0) { $0 + abs($1) })
        }
        var (n, info, uplo, lwork, query) = (
            Int32(size), Int32(0), CChar(UInt8(ascii: "L")), Int32(-1), 0.0
        )
        dsytrf_(&uplo, &n, &factor, &n, &pivots, &query, &lwork, &info, 1)
        var work = [Double](repeating: 0, count: max(2 * size, Int(query)))
        lwork = Int32(work.count)
        dsytrf_(&uplo, &n, &factor, &n, &pivots, &work, &lwork, &info, 1)
        try check(info, "dsytrf") { .singular(pivot: $0 - 1) }
        var (rcond, anorm) = (0.0, norm)
        var iwork = [Int32](repeating: 0, count: size)
        dsycon_(&uplo, &n, factor, &n, pivots, &anorm, &rcond, &work, &iwork, &info, 1)
        precondition(info == 0, "dsycon: argument \(-info) is invalid")
        reciprocalCondition = rcond
    }

    /// Returns X with A X = B.
    ///
    /// - Parameter b: N×M.
    public func solve(_ b: Matrix) -> Matrix {
        precondition(b.rows == size, "right-hand side of mismatched shape")
        guard size > 0, b.columns > 0 else { return b }
        var x = b.transposed
        var (n, nrhs, info, uplo) = (
            Int32(size), Int32(b.columns), Int32(0), CChar(UInt8(ascii: "L"))
        )
        dsytrs_(&uplo, &n, &nrhs, factor, &n, pivots, &x.storage, &n, &info, 1)
        precondition(info == 0, "dsytrs: argument \(-info) is invalid")
        return x.transposed
    }

    /// Returns x with A x = b.
    public func solve(_ b: [Double]) -> [Double] {
        solve(Matrix(rows: b.count, columns: 1, storage: b)).storage
    }
}

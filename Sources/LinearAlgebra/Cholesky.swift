import CLAPACK
#if canImport(Glibc)
    import Glibc
#endif

/// The factorisation A = L Lᵀ of a symmetric positive definite matrix (LAPACK `dpotrf`, `dpotrs`).
public struct Cholesky: Sendable {
    public let size: Int
    /// L in the lower triangle, column-major; the elements above the diagonal are not used.
    private var factor: [Double]

    /// - Parameter a: N×N, symmetric.
    /// - Throws: ``LinearAlgebraError/notPositiveDefinite(pivot:)``.
    /// - Complexity: N³/3 floating-point operations.
    public init(_ a: Matrix) throws(LinearAlgebraError) {
        precondition(a.rows == a.columns, "Cholesky needs a square matrix")
        try requireFinite(a.storage, "dpotrf")
        size = a.rows
        factor = a.storage
        guard size > 0 else { return }
        var (n, info, uplo) = (Int32(size), Int32(0), Self.lower)
        dpotrf_(&uplo, &n, &factor, &n, &info, 1)
        try check(info, "dpotrf") { .notPositiveDefinite(pivot: $0 - 1) }
    }

    /// Returns X with A X = B.
    ///
    /// - Parameter b: N×M.
    public func solve(_ b: Matrix) -> Matrix {
        precondition(b.rows == size, "right-hand side of mismatched shape")
        guard size > 0, b.columns > 0 else { return b }
        var x = b.transposed  // its rows are LAPACK's columns
        var (n, nrhs, info, uplo) = (Int32(size), Int32(b.columns), Int32(0), Self.lower)
        dpotrs_(&uplo, &n, &nrhs, factor, &n, &x.storage, &n, &info, 1)
        precondition(info == 0, "dpotrs: argument \(-info) is invalid")
        return x.transposed
    }

    /// Returns x with A x = b.
    public func solve(_ b: [Double]) -> [Double] {
        solve(Matrix(rows: b.count, columns: 1, storage: b)).storage
    }

    /// Returns rows z_i = L⁻¹ b_i for every row b_i of B, so that bᵀ A⁻¹ b = ‖z‖² (BLAS `dtrsm`).
    ///
    /// - Parameter b: M×N, one right-hand side per row.
    public func whitenRows(_ b: Matrix) -> Matrix {
        precondition(b.columns == size, "right-hand side of mismatched shape")
        guard size > 0, b.rows > 0 else { return b }
        var z = b
        var (side, uplo, trans, diag) = (
            CChar(UInt8(ascii: "L")), Self.lower, flag(transposed: false), CChar(UInt8(ascii: "N"))
        )
        var (m, n, alpha) = (Int32(size), Int32(b.rows), 1.0)
        dtrsm_(
            &side, &uplo, &trans, &diag, &m, &n, &alpha, factor, &m, &z.storage, &m, 1, 1, 1, 1)
        return z
    }

    /// ln det A.
    public var logDeterminant: Double {
        (0..<size).reduce(0) { $0 + 2 * log(factor[$1 * size + $1]) }
    }

    private static let lower = CChar(UInt8(ascii: "L"))
}

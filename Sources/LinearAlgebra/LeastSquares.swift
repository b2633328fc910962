import CLAPACK

/// Returns the least-squares solution of smallest norm, argmin ‖A X − B‖₂, by singular values
/// (LAPACK `dgelsd`); rank-deficient matrices are allowed.
///
/// - Parameters:
///   - a: M×N.
///   - b: M×K.
///   - relativeCutoff: singular values below this fraction of the largest one count as zero.
/// - Returns: X, N×K, and the rank that was used.
/// - Throws: ``LinearAlgebraError/noConvergence(routine:)``, ``LinearAlgebraError/notFinite(routine:)``.
/// - Complexity: of the order of 4 M N² floating-point operations.
public func leastSquares(
    _ a: Matrix, _ b: Matrix, relativeCutoff: Double = 1e-13
) throws(LinearAlgebraError) -> (solution: Matrix, rank: Int) {
    precondition(a.rows == b.rows, "right-hand side of mismatched shape")
    try requireFinite(a.storage, "dgelsd")
    try requireFinite(b.storage, "dgelsd")
    let (small, large) = (min(a.rows, a.columns), max(a.rows, a.columns))
    guard small > 0, b.columns > 0 else {
        return (Matrix(rows: a.columns, columns: b.columns), 0)
    }
    var columnMajor = a.transposed.storage
    var x = Matrix(rows: b.columns, columns: large)
    for j in 0..<b.columns {
        for i in 0..<b.rows { x[j, i] = b[i, j] }
    }
    var singular = [Double](repeating: 0, count: small)
    var (m, n, nrhs, ldb) = (Int32(a.rows), Int32(a.columns), Int32(b.columns), Int32(large))
    var (rcond, rank, info) = (relativeCutoff, Int32(0), Int32(0))
    var (lwork, query, iquery) = (Int32(-1), 0.0, Int32(0))
    dgelsd_(
        &m, &n, &nrhs, &columnMajor, &m, &x.storage, &ldb, &singular, &rcond, &rank, &query,
        &lwork, &iquery, &info)
    var work = [Double](repeating: 0, count: Int(query))
    var iwork = [Int32](repeating: 0, count: Int(max(1, iquery)))
    lwork = Int32(work.count)
    dgelsd_(
        &m, &n, &nrhs, &columnMajor, &m, &x.storage, &ldb, &singular, &rcond, &rank, &work,
        &lwork, &iwork, &info)
    try check(info, "dgelsd") { _ in .noConvergence(routine: "dgelsd") }
    var solution = Matrix(rows: a.columns, columns: b.columns)
    for j in 0..<b.columns {
        for i in 0..<a.columns { solution[i, j] = x[j, i] }
    }
    return (solution, Int(rank))
}

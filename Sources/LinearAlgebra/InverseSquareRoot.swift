/// Returns S^(−1/2) of a small symmetric positive definite matrix, correct to the last digit of a double up to
/// condition numbers of about 1e20, by one-sided Jacobi rotations of its Cholesky factor in 32 digits.
///
///     S = L Lᵀ, L = U Σ Wᵀ, S^(−1/2) = U Σ⁻¹ Uᵀ
///
/// - Parameters:
///   - s: N×N, row-major, symmetric.
///   - n: N, some tens at most.
/// - Throws: ``LinearAlgebraError/notPositiveDefinite(pivot:)``, ``LinearAlgebraError/notFinite(routine:)``,
///   ``LinearAlgebraError/noConvergence(routine:)``.
/// - Complexity: about 10 sweeps of 6 N³ operations on ``DoubleDouble``.
/// - Source: Drmač and Veselić, SIAM J. Matrix Anal. Appl. 29, 1322 (2008).
public func inverseSquareRoot(of s: [DoubleDouble], size n: Int) throws(LinearAlgebraError) -> Matrix {
    precondition(s.count == n * n, "the inverse square root needs a square matrix")
    try requireFinite(s.map(\.high), "inverseSquareRoot")
    // `rows[j]` is column j of L.
    var rows = [[DoubleDouble]](repeating: [DoubleDouble](repeating: .init(0), count: n), count: n)
    for j in 0..<n {
        var pivot = s[j * n + j]
        for k in 0..<j { pivot -= rows[k][j] * rows[k][j] }
        // A smaller pivot is a rounding error.
        guard pivot.high > 1e-28 * s[j * n + j].high else { throw .notPositiveDefinite(pivot: j) }
        rows[j][j] = pivot.squareRoot()
        for i in j + 1..<max(n, j + 1) {
            var value = s[i * n + j]
            for k in 0..<j { value -= rows[k][i] * rows[k][j] }
            rows[j][i] = value / rows[j][j]
        }
    }
    try orthogonalise(&rows)
    var result = [DoubleDouble](repeating: .init(0), count: n * n)
    for row in rows {
        let squared = dot(row, row)
        let scale = DoubleDouble(1) / (squared * squared.squareRoot())
        for i in 0..<n {
            for j in 0..<n { result[i * n + j] += scale * row[i] * row[j] }
        }
    }
    return Matrix(rows: n, columns: n, storage: result.map(\.high))
}

private func dot(_ a: [DoubleDouble], _ b: [DoubleDouble]) -> DoubleDouble {
    zip(a, b).reduce(DoubleDouble(0)) { $0 + $1.0 * $1.1 }
}

/// Rotates pairs of rows until all are orthogonal up to rounding.
private func orthogonalise(_ rows: inout [[DoubleDouble]]) throws(LinearAlgebraError) {
    let one = DoubleDouble(1)
    for _ in 0..<60 {
        var rotated = false
        for p in rows.indices {
            for q in rows.indices.dropFirst(p + 1) {
                let (pp, qq, pq) = (dot(rows[p], rows[p]), dot(rows[q], rows[q]), dot(rows[p], rows[q]))
                guard abs(pq.high) > 1e-28 * (pp.high * qq.high).squareRoot() else { continue }
                rotated = true
                let zeta = (qq - pp) / (pq + pq)
                let length = (one + zeta * zeta).squareRoot()
                let t = one / (zeta.high < 0 ? zeta - length : zeta + length)
                let c = one / (one + t * t).squareRoot()
                for i in rows[p].indices {
                    let (a, b) = (rows[p][i], rows[q][i])
                    rows[p][i] = c * (a - t * b)
                    rows[q][i] = c * (b + t * a)
                }
            }
        }
        if !rotated { return }
    }
    throw .noConvergence(routine: "inverseSquareRoot")
}

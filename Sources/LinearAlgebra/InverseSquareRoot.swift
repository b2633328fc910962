/// S^(−1/2) of a small symmetric positive definite matrix, by one-sided Jacobi rotations of its Cholesky
/// factor: S = L Lᵀ, L = U Σ Wᵀ, S^(−1/2) = U Σ⁻¹ Uᵀ.
///
/// Where the rows of S differ in scale by orders of magnitude this keeps the digits that an
/// eigen-decomposition of S loses (at condition 1e12: 1e-10 of the largest entry against 1e-6).
///
/// - Parameter s: N×N, N of some tens at most.
/// - Throws: ``LinearAlgebraError/notPositiveDefinite(pivot:)``, ``LinearAlgebraError/notFinite(routine:)``,
///   ``LinearAlgebraError/noConvergence(routine:)``.
/// - Complexity: about 10 sweeps of 6 N³ floating-point operations.
/// - Source: Drmač and Veselić, SIAM J. Matrix Anal. Appl. 29, 1322 (2008).
public func inverseSquareRoot(of s: Matrix) throws(LinearAlgebraError) -> Matrix {
    precondition(s.rows == s.columns, "inverse square root of a square matrix")
    try requireFinite(s.storage, "inverseSquareRoot")
    let n = s.rows
    // Row j of `g` is column j of L.
    var g = Matrix(rows: n, columns: n)
    for j in 0..<n {
        var pivot = s[j, j]
        for k in 0..<j { pivot -= g[k, j] * g[k, j] }
        guard pivot > 0 else { throw .notPositiveDefinite(pivot: j) }
        g[j, j] = pivot.squareRoot()
        for i in j + 1..<max(n, j + 1) {
            var value = s[i, j]
            for k in 0..<j { value -= g[k, i] * g[k, j] }
            g[j, i] = value / g[j, j]
        }
    }
    try orthogonaliseRows(of: &g)
    var result = Matrix(rows: n, columns: n)
    for k in 0..<n {
        let squared = g.row(k).reduce(0) { $0 + $1 * $1 }
        let scale = 1 / (squared * squared.squareRoot())
        for i in 0..<n {
            for j in 0..<n { result[i, j] += scale * g[k, i] * g[k, j] }
        }
    }
    return result
}

/// Rotates pairs of rows until all are orthogonal to rounding.
private func orthogonaliseRows(of g: inout Matrix) throws(LinearAlgebraError) {
    let n = g.columns
    for _ in 0..<60 {
        var rotated = false
        for p in 0..<g.rows {
            for q in p + 1..<max(g.rows, p + 1) {
                var (pp, qq, pq) = (0.0, 0.0, 0.0)
                for i in 0..<n {
                    pp += g[p, i] * g[p, i]
                    qq += g[q, i] * g[q, i]
                    pq += g[p, i] * g[q, i]
                }
                guard abs(pq) > 1e-15 * (pp * qq).squareRoot() else { continue }
                rotated = true
                let zeta = (qq - pp) / (2 * pq)
                let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                let c = 1 / (1 + t * t).squareRoot()
                for i in 0..<n {
                    let (a, b) = (g[p, i], g[q, i])
                    g[p, i] = c * (a - t * b)
                    g[q, i] = c * (b + t * a)
                }
            }
        }
        if !rotated { return }
    }
    throw .noConvergence(routine: "inverseSquareRoot")
}

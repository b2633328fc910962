public import LinearAlgebra

/// The original minimal learning machine: distances between outputs as linear functions of
/// distances between inputs, and the output computed from them.
///
///     δ(x) = d(x)ᵀ B,   B = argmin ‖D_in B − D_out‖₂          (eqs. 9, 10)
///     y(x) = argmin_y Σ_k (|y − t_k|² − δ_k²)²                 (multilateration, scalar targets)
///
/// - Source: de Souza Junior et al., Neurocomputing 164, 34 (2015).
public struct MLM: Sendable {
    /// The matrix B, K×K: references in the input space × references in the output space.
    public let coefficients: Matrix
    /// The targets t_k of the references.
    public let targets: [Double]

    /// - Parameters:
    ///   - d: N×K distances from the training points to the references.
    ///   - y: N targets.
    ///   - references: the index of each of the K references among the N points.
    /// - Throws: `LinearAlgebraError`.
    /// - Complexity: N³/3 + 2N³ for N = K, about 4NK² otherwise.
    public static func fit(
        distances d: Matrix, targets y: [Double], references: [Int]
    ) throws(LinearAlgebraError) -> MLM {
        precondition(
            d.rows == y.count && d.columns == references.count,
            "one target per point and one column per reference")
        let t = references.map { y[$0] }
        var output = Matrix(rows: y.count, columns: t.count)
        for i in y.indices {
            for k in t.indices { output[i, k] = abs(y[i] - t[k]) }
        }
        let square = references.elementsEqual(y.indices) && y.count >= 2
        let b =
            try square
            ? DistanceFactorisation(d).solve(output) : leastSquares(d, output).solution
        return MLM(coefficients: b, targets: t)
    }

    /// Returns y for every row of distances.
    ///
    /// - Parameter d: M×K.
    public func predict(distances d: Matrix) -> [Double] {
        let delta = product(d, coefficients)
        return (0..<d.rows).map { multilaterate(targets, distances: Array(delta.row($0))) }
    }
}

/// Returns argmin_y Σ_k ((y − t_k)² − δ_k²)², the global minimum, from the roots of its derivative,
/// a cubic.
///
/// - Parameters:
///   - t: points on the line.
///   - delta: distances from y to them; signs do not matter.
/// - Precondition: at least one point.
public func multilaterate(_ t: [Double], distances delta: [Double]) -> Double {
    precondition(t.count == delta.count && !t.isEmpty, "one distance per point")
    // With the mean m, s = y − m and a_k = t_k − m, Σa = 0: 4 Σ (s − a)((s − a)² − δ²) = 4 [n s³ +
    // (3Σa² − Σδ²) s − Σa³ + Σ a δ²].
    let n = Double(t.count)
    let mean = t.reduce(0, +) / n
    var (p, q) = (0.0, 0.0)
    for (t, delta) in zip(t, delta) {
        let a = t - mean
        p += 3 * a * a - delta * delta
        q += a * delta * delta - a * a * a
    }
    func loss(_ s: Double) -> Double {
        zip(t, delta).reduce(0) { sum, pair in
            let a = s - (pair.0 - mean)
            let misfit = a * a - pair.1 * pair.1
            return sum + misfit * misfit
        }
    }
    let roots = depressedCubicRoots(p: p / n, q: q / n)
    let best = roots.min { loss($0) < loss($1) } ?? 0
    return mean + best
}

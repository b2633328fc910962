public import LinearAlgebra

/// A factored distance matrix D of distinct points. One Cholesky factorisation solves systems with D and with the
/// bordered matrix [[D, 1], [1ᵀ, 0]], where 1 is the vector of ones.
///
/// D_ij = ‖x_i − x_j‖ is conditionally negative definite: vᵀDv < 0 for every v ⟂ 1. So C = τ 11ᵀ − D is
/// positive definite for a τ large enough, and with z = C⁻¹1, X = C⁻¹Y
///
///     D⁻¹ Y = τ z (1ᵀX) / (τ 1ᵀz − 1) − X
///
/// while [[D, 1], [1ᵀ, 0]] [W; c] = [Y; 0] has c = 1ᵀX / 1ᵀz, W = z c − X. A factorisation costs
/// half of an indefinite one, and every solve is a level-3 operation.
///
/// - Source: Micchelli, Constr. Approx. 2, 11 (1986), for the signs of D's eigenvalues.
public struct DistanceFactorisation: Sendable {
    public let size: Int
    private let factor: Cholesky
    private let shift: Double
    private let z: [Double]
    private let zSum: Double

    /// - Parameter d: N×N distances between distinct points, N ≥ 2.
    /// - Throws: `LinearAlgebraError` if points coincide or a distance is not a number.
    /// - Complexity: N³/3 floating-point operations.
    public init(_ d: Matrix) throws(LinearAlgebraError) {
        precondition(d.rows == d.columns && d.rows >= 2, "needs the distances between at least two points")
        size = d.rows
        var shift = 2 * (d.storage.max() ?? 1)
        while true {
            var c = d
            for i in c.storage.indices { c.storage[i] = shift - c.storage[i] }
            do {
                factor = try Cholesky(c)
            } catch .notPositiveDefinite(let pivot) {
                // In many dimensions the smallest suitable τ exceeds the largest distance. If even the last τ, 128
                // times that distance, is not enough, the distances are invalid.
                guard shift < 100 * (d.storage.max() ?? 1) else {
                    throw .notPositiveDefinite(pivot: pivot)
                }
                shift *= 4
                continue
            }
            break
        }
        self.shift = shift
        z = factor.solve([Double](repeating: 1, count: size))
        zSum = z.reduce(0, +)
    }

    /// Returns W with D W = Y.
    ///
    /// - Parameter y: N×M.
    public func solve(_ y: Matrix) -> Matrix {
        var x = factor.solve(y)
        let scale = shift / (shift * zSum - 1)
        let sums = columnSums(x).map { $0 * scale }
        for i in 0..<x.rows {
            for j in 0..<x.columns { x[i, j] = z[i] * sums[j] - x[i, j] }
        }
        return x
    }

    /// Returns W and c with D W + 1 c = Y and 1ᵀW = 0.
    ///
    /// - Parameter y: N×M.
    public func solveWithConstant(_ y: Matrix) -> (weights: Matrix, constant: [Double]) {
        var x = factor.solve(y)
        let constant = columnSums(x).map { $0 / zSum }
        for i in 0..<x.rows {
            for j in 0..<x.columns { x[i, j] = z[i] * constant[j] - x[i, j] }
        }
        return (x, constant)
    }

    /// Returns D⁻¹, or the upper left block of the inverse of the bordered matrix.
    ///
    /// - Complexity: 2N³ floating-point operations.
    public func inverse(withConstant: Bool = false) -> Matrix {
        withConstant ? solveWithConstant(.identity(size)).weights : solve(.identity(size))
    }

    private func columnSums(_ x: Matrix) -> [Double] {
        var sums = [Double](repeating: 0, count: x.columns)
        for i in 0..<x.rows {
            for j in 0..<x.columns { sums[j] += x[i, j] }
        }
        return sums
    }
}

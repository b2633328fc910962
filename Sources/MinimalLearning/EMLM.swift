public import LinearAlgebra

/// Extreme minimal learning machine: a scalar as a weighted sum of distances to reference points.
///
/// f(x) = Σ_j ‖x − q_j‖ W_j + c          (c = 0 except in the bias-augmented form)
///
/// - Source: Kärkkäinen, Neurocomputing 342, 33 (2019); eqs. 6–8 of the paper.
public struct EMLM: Sendable, Equatable {
    /// One weight per reference.
    public let weights: [Double]
    public let constant: Double
    /// The solver that found the weights.
    public let solver: Solver

    public init(weights: [Double], constant: Double, solver: Solver) {
        self.weights = weights
        self.constant = constant
        self.solver = solver
    }

    /// The function that is minimised. D has the distances between points and references, d_i is its row i, β is the
    /// ridge, N the number of points, K the number of references.
    public enum Objective: String, Sendable, Codable, CaseIterable {
        /// 1/2N Σ‖d_iᵀW − y_i‖² + β/2K ‖W‖² (eq. 6): (DᵀD + Nβ/K) W = DᵀY.
        case exact
        /// The paper's eq. 8, which lacks the factor N: (DᵀD + β/K) W = DᵀY.
        case paperEq8 = "paper-eq8"
        /// Distances and a constant c, with the constraint ΣW = 0: [[D, 1], [1ᵀ, 0]] [W; c] = [Y; 0]. Interpolates the
        /// targets, and its values stay bounded far from the references. Needs N = K.
        case biasAugmented = "bias-augmented"
    }

    /// The method of minimisation. λ is Nβ/K for the objective `exact`, otherwise β/K.
    public enum Solver: String, Sendable, Codable, CaseIterable {
        /// D W = Y, for N = K and a ridge below rounding (``DistanceFactorisation``).
        case direct
        /// D W = Y by Bunch–Kaufman factorisation of D itself.
        case indefinite
        /// Cholesky factorisation of DᵀD + λ.
        case normalEquations = "normal-equations"
        /// Least squares of [D; √λ] W = [Y; 0]: stable even if the normal equations are not.
        case augmented
        /// Eigenvectors V and eigenvalues l of D, for N = K: W = V diag(l/(l² + λ)) Vᵀ Y.
        case spectral
    }

    /// The ridge β of the paper: the square root of the rounding unit ε of double precision.
    public static let paperRidge = 1.4901161193847656e-8

    /// - Parameters:
    ///   - d: N×K distances from the training points to the references. If N = K, the points are
    ///     the references in the same order.
    ///   - y: N targets, in any unit.
    ///   - objective: the function that the weights minimise.
    ///   - ridge: β of the objective; ignored by the bias-augmented form, which interpolates.
    ///   - solver: nil uses the first of `direct` (for N = K and a ridge of at most
    ///     ``paperRidge``), `normalEquations` and `augmented` that gives finite weights.
    /// - Throws: `LinearAlgebraError` if all solvers fail.
    /// - Complexity: N³/3 (direct), NK² + K³/3 (normal equations), about 4(N + K)K² (augmented).
    public static func fit(
        distances d: Matrix, targets y: [Double], objective: Objective = .exact,
        ridge: Double = paperRidge, solver: Solver? = nil
    ) throws(LinearAlgebraError) -> EMLM {
        precondition(d.rows == y.count && d.columns > 0, "one target per point")
        let square = d.rows == d.columns
        let lambda = (objective == .exact ? Double(d.rows) : 1) * ridge / Double(d.columns)
        if objective == .biasAugmented {
            precondition(square, "the bias-augmented form needs as many points as references")
            let (w, c) = try DistanceFactorisation(d).solveWithConstant(column(y))
            return EMLM(weights: w.storage, constant: c[0], solver: .direct)
        }
        if let solver {
            return try EMLM(
                weights: solve(d, y, lambda, solver), constant: 0, solver: solver)
        }
        var candidates: [Solver] = [.normalEquations, .augmented]
        if square, ridge <= paperRidge { candidates.insert(.direct, at: 0) }
        var failure = LinearAlgebraError.singular(pivot: 0)
        for candidate in candidates {
            do {
                let weights = try solve(d, y, lambda, candidate)
                if candidate == .augmented || residualIsSmall(d, weights, y, candidate) {
                    return EMLM(weights: weights, constant: 0, solver: candidate)
                }
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Returns f for every row of distances.
    ///
    /// - Parameter d: M×K.
    public func predict(distances d: Matrix) -> [Double] {
        var result = product(d, weights)
        if constant != 0 {
            for i in result.indices { result[i] += constant }
        }
        return result
    }

    private static func solve(
        _ d: Matrix, _ y: [Double], _ lambda: Double, _ solver: Solver
    ) throws(LinearAlgebraError) -> [Double] {
        precondition(
            d.rows == d.columns || solver == .normalEquations || solver == .augmented,
            "this solver needs as many points as references")
        switch solver {
        case .direct:
            return try d.rows == 1
                ? SymmetricIndefinite(d).solve(y) : DistanceFactorisation(d).solve(column(y)).storage
        case .indefinite:
            return try SymmetricIndefinite(d).solve(y)
        case .normalEquations:
            var gram = Matrix.identity(d.columns, scale: lambda)
            addGram(of: d, adding: 1, into: &gram)
            return try Cholesky(gram).solve(product(d, y, transpose: true))
        case .augmented:
            var stacked = Matrix(rows: d.rows + d.columns, columns: d.columns)
            stacked.storage.replaceSubrange(0..<d.storage.count, with: d.storage)
            for k in 0..<d.columns { stacked[d.rows + k, k] = lambda.squareRoot() }
            let right = Matrix(
                rows: stacked.rows, columns: 1,
                storage: y + [Double](repeating: 0, count: d.columns))
            return try leastSquares(stacked, right).solution.storage
        case .spectral:
            let eigen = try SymmetricEigen(d)
            var coefficients = product(eigen.vectors, y)
            for k in coefficients.indices {
                let l = eigen.values[k]
                coefficients[k] *= l / (l * l + lambda)
            }
            return product(eigen.vectors, coefficients, transpose: true)
        }
    }

    /// Returns whether the weights solve the problem: D W ≈ Y for the direct solver, otherwise Dᵀ(D W − Y) ≈ 0.
    private static func residualIsSmall(
        _ d: Matrix, _ w: [Double], _ y: [Double], _ solver: Solver
    ) -> Bool {
        guard w.allSatisfy(\.isFinite) else { return false }
        let fitted = product(d, w)
        let residual = zip(fitted, y).map { $0 - $1 }
        let size = y.reduce(0) { max($0, abs($1)) }
        if solver == .direct { return residual.allSatisfy { abs($0) <= 1e-7 * size } }
        let gradient = product(d, residual, transpose: true)
        let scale = product(d, y, transpose: true).reduce(0) { max($0, abs($1)) }
        return gradient.allSatisfy { abs($0) <= 1e-6 * scale }
    }
}

func column(_ y: [Double]) -> Matrix { Matrix(rows: y.count, columns: 1, storage: y) }

/// Returns the residuals y_i − f_{−i}(x_i), for every i at once, where the interpolant f_{−i} is trained without
/// point i as a data point and as a reference (Rippa's identity).
///
///     r_ic = B_ic / (A⁻¹)_ii
///
/// - Parameters:
///   - inverse: N×N, A⁻¹ where A B = Y (``DistanceFactorisation/inverse(withConstant:)``).
///   - b: B, N×M.
/// - Source: Rippa, Adv. Comput. Math. 11, 193 (1999).
public func leaveOneOutResiduals(inverse: Matrix, weights b: Matrix) -> Matrix {
    precondition(inverse.rows == b.rows && inverse.rows == inverse.columns, "one row per point")
    var residuals = b
    for i in 0..<b.rows {
        let scale = 1 / inverse[i, i]
        for c in 0..<b.columns { residuals[i, c] *= scale }
    }
    return residuals
}

/// Returns the residuals at a group G of points of the interpolant that is trained without any point of the group.
///
///     r_G = ((A⁻¹)_GG)⁻¹ B_G
///
/// - Returns: one row for each member of `group`, in its order.
/// - Throws: `LinearAlgebraError.singular`.
public func leaveGroupOutResiduals(
    inverse: Matrix, weights b: Matrix, group: [Int]
) throws(LinearAlgebraError) -> Matrix {
    var block = Matrix(rows: group.count, columns: group.count)
    for (i, p) in group.enumerated() {
        for (j, q) in group.enumerated() { block[i, j] = inverse[p, q] }
    }
    return try SymmetricIndefinite(block).solve(b.selectingRows(group))
}

/// The method that computes a direction v from its predicted projections; M, b, w and d are those of
/// ``DirectionProblem``.
public enum DirectionSolver: Sendable, Hashable, Codable {
    /// v = b / Σw (eq. 17), the paper's choice, which does not minimise the paper's loss.
    case paperEq17
    /// M v = b, the minimiser of eq. 15.
    case leastSquares
    /// (M + λ (tr M / 3) 1) v = b; λ → ∞ gives eq. 17, λ = 0 gives least squares.
    case ridge(Double)
    /// The minimiser of eq. 15 among unit vectors.
    case sphere
    /// The minimiser of eq. 14 with this σ₁, found from several starting directions.
    case numeric(sigma1: Double)
}

extension DirectionSolver: LosslessStringConvertible {
    /// Reads `paper-eq17`, `least-squares`, `ridge:0.2`, `sphere` or `numeric:0.25`; returns nil for other texts.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let value = parts.count == 2 ? Double(parts[1]) : nil
        switch (parts.first, parts.count, value) {
        case ("paper-eq17", 1, _): self = .paperEq17
        case ("least-squares", 1, _): self = .leastSquares
        case ("sphere", 1, _): self = .sphere
        case ("ridge", 2, let lambda?) where lambda >= 0 && lambda.isFinite: self = .ridge(lambda)
        case ("numeric", 2, let sigma?) where sigma > 0 && sigma.isFinite: self = .numeric(sigma1: sigma)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .paperEq17: "paper-eq17"
        case .leastSquares: "least-squares"
        case .ridge(let lambda): "ridge:\(lambda)"
        case .sphere: "sphere"
        case .numeric(let sigma): "numeric:\(sigma)"
        }
    }
}

/// Predicted projections d_j of a unit vector onto known unit vectors u_j, with weights w_j.
///
///     M = Σ w u uᵀ,   b = Σ w d u,   J₂(v) = ½ Σ w (v·u − d)² = ½ (vᵀMv − 2 b·v + Σ w d²)
///
/// - Source: eqs. 14–17 of the paper.
public struct DirectionProblem: Sendable {
    public let u: [SIMD3<Double>]
    public let d: [Double]
    public let w: [Double]
    /// Sum of the weights w.
    public private(set) var support = 0.0
    public private(set) var moment = Symmetric3()
    public private(set) var b = SIMD3<Double>.zero
    private var squares = 0.0

    /// - Precondition: `u`, `d` and `w` have the same length.
    public init(vectors u: [SIMD3<Double>], projections d: [Double], weights w: [Double]) {
        precondition(u.count == d.count && u.count == w.count, "one projection and weight per vector")
        (self.u, self.d, self.w) = (u, d, w)
        for j in u.indices where w[j] > 0 {
            support += w[j]
            moment.add(w[j], u[j])
            b += w[j] * d[j] * u[j]
            squares += w[j] * d[j] * d[j]
        }
    }

    /// Returns J₂(v).
    public func analyticLoss(_ v: SIMD3<Double>) -> Double {
        max(0, 0.5 * (dot(v, moment * v) - 2 * dot(b, v) + squares))
    }

    /// Returns the direction v, normalised to length one. Returns zero if no projection has a weight, or if |v| < 1e-12
    /// before the normalisation.
    public func solve(_ solver: DirectionSolver) -> SIMD3<Double> {
        guard support > 0 else { return .zero }
        switch solver {
        case .paperEq17: return normalised(b / support)
        case .leastSquares: return normalised(moment.solve(b, ridge: 0))
        case .ridge(let lambda): return normalised(moment.solve(b, ridge: lambda * moment.trace / 3))
        case .sphere: return moment.minimiserOnSphere(b)
        case .numeric(let sigma): return numericMinimum(sigma)
        }
    }

    private func normalised(_ v: SIMD3<Double>) -> SIMD3<Double> {
        let length = dot(v, v).squareRoot()
        return length < 1e-12 || !length.isFinite ? .zero : v / length
    }
}

@inline(__always)
func dot(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double { (a * b).sum() }

func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
    [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
}

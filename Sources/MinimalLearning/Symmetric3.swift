/// A symmetric 3×3 matrix.
public struct Symmetric3: Sendable, Equatable {
    /// The elements xx, yy, zz.
    public var diagonal = SIMD3<Double>.zero
    /// The elements yz, xz, xy.
    public var offDiagonal = SIMD3<Double>.zero

    public init() {}

    /// Adds w u uᵀ.
    mutating func add(_ w: Double, _ u: SIMD3<Double>) {
        diagonal += w * u * u
        offDiagonal += w * SIMD3(u.y * u.z, u.x * u.z, u.x * u.y)
    }

    public var trace: Double { diagonal.sum() }

    static func * (m: Self, v: SIMD3<Double>) -> SIMD3<Double> {
        let (d, o) = (m.diagonal, m.offDiagonal)
        return [
            d.x * v.x + o.z * v.y + o.y * v.z, o.z * v.x + d.y * v.y + o.x * v.z,
            o.y * v.x + o.x * v.y + d.z * v.z,
        ]
    }

    /// Returns the eigenvalues, ascending, and their unit eigenvectors (cyclic Jacobi).
    func eigen() -> (values: SIMD3<Double>, vectors: [SIMD3<Double>]) {
        var a = [
            [diagonal.x, offDiagonal.z, offDiagonal.y], [offDiagonal.z, diagonal.y, offDiagonal.x],
            [offDiagonal.y, offDiagonal.x, diagonal.z],
        ]
        var v: [SIMD3<Double>] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let scale = (dot(diagonal, diagonal) + 2 * dot(offDiagonal, offDiagonal)).squareRoot()
        for _ in 0..<30 {
            let off = abs(a[0][1]) + abs(a[0][2]) + abs(a[1][2])
            if off <= 1e-17 * scale { break }
            for (p, q) in [(0, 1), (0, 2), (1, 2)] where a[p][q] != 0 {
                let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
                let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
                let c = 1 / (t * t + 1).squareRoot()
                let s = t * c
                let r = 3 - p - q
                let (apq, arp, arq) = (a[p][q], a[r][p], a[r][q])
                a[p][p] -= t * apq
                a[q][q] += t * apq
                (a[p][q], a[q][p]) = (0, 0)
                a[r][p] = c * arp - s * arq
                a[r][q] = s * arp + c * arq
                (a[p][r], a[q][r]) = (a[r][p], a[r][q])
                (v[p], v[q]) = (c * v[p] - s * v[q], s * v[p] + c * v[q])
            }
        }
        let order = [0, 1, 2].sorted { a[$0][$0] < a[$1][$1] }
        return (
            SIMD3(a[order[0]][order[0]], a[order[1]][order[1]], a[order[2]][order[2]]),
            order.map { v[$0] }
        )
    }

    /// Returns (M + ridge 1)⁻¹ b, in the subspace in which M is not zero up to rounding.
    func solve(_ b: SIMD3<Double>, ridge: Double) -> SIMD3<Double> {
        let (values, vectors) = eigen()
        let cutoff = 1e-13 * max(values.z, 0)
        return (0..<3).reduce(.zero) { sum, k in
            let value = values[k] + ridge
            return value > cutoff ? sum + dot(vectors[k], b) / value * vectors[k] : sum
        }
    }

    /// Returns argmin ½ vᵀMv − b·v over unit vectors; M positive semidefinite.
    ///
    /// v = (M + μ)⁻¹ b with the unique μ > −l₀ for which |v| = 1, where l₀ is the lowest eigenvalue. In the hard case,
    /// b has no component along the lowest eigenvector and v is too short at μ = −l₀; a positive multiple of this
    /// eigenvector is then added to reach length 1.
    func minimiserOnSphere(_ b: SIMD3<Double>) -> SIMD3<Double> {
        let (l, q) = eigen()
        let bt = SIMD3(dot(q[0], b), dot(q[1], b), dot(q[2], b))
        let size = dot(b, b).squareRoot()
        let scale = max(abs(l.z), size)
        guard scale > 0 else { return .zero }
        func vector(_ mu: Double) -> SIMD3<Double> {
            (0..<3).reduce(.zero) { $0 + bt[$1] / (l[$1] + mu) * q[$1] }
        }
        if abs(bt.x) <= 1e-15 * scale {
            var v = SIMD3<Double>.zero
            for k in 1..<3 where l[k] - l.x > 1e-14 * scale { v += bt[k] / (l[k] - l.x) * q[k] }
            let rest = 1 - dot(v, v)
            if rest >= 0 {
                guard size > 1e-12 * scale || rest < 1 else { return .zero }
                return v + rest.squareRoot() * q[0]
            }
        }
        // |v(μ)|² falls from ∞ (or from above 1) at −l₀ to at most 1 at |b| − l₀.
        var (low, high) = (-l.x, size - l.x)
        for _ in 0..<200 {
            let middle = 0.5 * (low + high)
            if middle <= low || middle >= high { break }
            let v = vector(middle)
            if dot(v, v) > 1 { low = middle } else { high = middle }
        }
        let v = vector(high)
        let length = dot(v, v).squareRoot()
        return length > 0 && length.isFinite ? v / length : .zero
    }
}

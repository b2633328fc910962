/// A displacement s, Å, and the change y of the gradient along it, eV/Å.
struct SecantPair: Sendable {
    let s: [Double]
    let y: [Double]

    init(s: [Double], y: [Double]) { (self.s, self.y) = (s, y) }
}

/// Quasi-Newton method from the last hundred steps, without a matrix: two-loop recursion from H₀⁻¹
/// = 1/70 Å²/eV.
///
/// As in ASE, sᵀ y need not be positive; a pair is left out only if it is zero.
/// - Complexity: 400 n operations per step.
/// - Source: ASE 3.29 `ase.optimize.LBFGS`; Nocedal, Math. Comput. 35, 773 (1980).
struct LBFGS: Optimizer {
    private static let memory = 100
    private static let inverseCurvature = 1.0 / 70
    private let maxStep: Double
    private var pairs: [SecantPair] = []

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func learn(_ s: [Double], _ y: [Double]) {
        guard dot(s, y) != 0 else { return }
        pairs.append(SecantPair(s: s, y: y))
        if pairs.count > Self.memory { pairs.removeFirst() }
    }

    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) -> [Double] {
        var q = f
        let rho = pairs.map { 1 / dot($0.s, $0.y) }
        var a = [Double](repeating: 0, count: pairs.count)
        for k in pairs.indices.reversed() {
            a[k] = rho[k] * dot(pairs[k].s, q)
            for i in q.indices { q[i] -= a[k] * pairs[k].y[i] }
        }
        for i in q.indices { q[i] *= Self.inverseCurvature }
        for k in pairs.indices {
            let b = rho[k] * dot(pairs[k].y, q)
            for i in q.indices { q[i] += pairs[k].s[i] * (a[k] - b) }
        }
        return limited(q, maxStep: maxStep)
    }

    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) {}
}

/// Quasi-Newton from the last hundred steps, without a matrix: two-loop recursion from H₀⁻¹ = 1/70 Å²/eV.
///
/// - Source: ASE 3.29 `ase.optimize.LBFGS`; Nocedal, Math. Comput. 35, 773 (1980).
struct LBFGS: Optimizer {
    private struct Pair: Sendable {
        let s: [Double]
        let y: [Double]
        let rho: Double
    }

    private let memory = 100
    private let inverseCurvature = 1.0 / 70
    private let maxStep: Double
    private var pairs: [Pair] = []
    private var last: (x: [Double], f: [Double])?

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func step(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        if let last {
            let s = zip(x, last.x).map { $0 - $1 }
            let y = zip(last.f, f).map { $0 - $1 }
            let curvature = dot(y, s)
            if abs(curvature) > 1e-10 * (dot(s, s) * dot(y, y)).squareRoot() {
                pairs.append(Pair(s: s, y: y, rho: 1 / curvature))
                if pairs.count > memory { pairs.removeFirst() }
            }
        }
        last = (x, f)
        var q = f.map { -$0 }
        var a = [Double](repeating: 0, count: pairs.count)
        for k in pairs.indices.reversed() {
            a[k] = pairs[k].rho * dot(pairs[k].s, q)
            for i in q.indices { q[i] -= a[k] * pairs[k].y[i] }
        }
        for i in q.indices { q[i] *= inverseCurvature }
        for k in pairs.indices {
            let b = pairs[k].rho * dot(pairs[k].y, q)
            for i in q.indices { q[i] += pairs[k].s[i] * (a[k] - b) }
        }
        return limited(q.map { -$0 }, maxStep: maxStep)
    }
}

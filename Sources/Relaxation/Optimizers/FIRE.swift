/// Damped dynamics that speeds up while it runs downhill.
///
///     F·v > 0: v ← (1 − a) v + a |v| F/|F|, faster after five such steps; else v ← 0, slower
///     v ← v + Δt F,   Δx = Δt v
///
/// The step limit is on the whole displacement vector, not on each atom.
/// - Source: ASE 3.29 `ase.optimize.FIRE`; Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006).
struct FIRE: Optimizer {
    private let maxStep: Double
    private var timeStep = 0.1
    private var mixing = 0.1
    private var downhill = 0
    private var velocity: [Double]?

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func step(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        var v = velocity ?? [Double](repeating: 0, count: x.count)
        if velocity != nil {
            if dot(f, v) > 0 {
                mix(&v, f, mixing)
                if downhill > 5 {
                    timeStep = min(timeStep * 1.1, 1)
                    mixing *= 0.99
                }
                downhill += 1
            } else {
                v = [Double](repeating: 0, count: x.count)
                mixing = 0.1
                timeStep *= 0.5
                downhill = 0
            }
        }
        for i in v.indices { v[i] += timeStep * f[i] }
        velocity = v
        return clipped(v.map { timeStep * $0 }, maxStep: maxStep)
    }
}

/// FIRE with half a step back where it runs uphill, and forces evaluated anew there.
///
/// - Source: ASE 3.29 `ase.optimize.FIRE2`; Guénolé et al., Comput. Mater. Sci. 175, 109584 (2020).
struct FIRE2: Optimizer {
    private let maxStep: Double
    private var timeStep = 0.1
    private var mixing = 0.25
    private var downhill = 0
    private var velocity: [Double]?

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func step(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        var v = velocity ?? [Double](repeating: 0, count: x.count)
        var f = f
        var back = [Double](repeating: 0, count: x.count)
        if velocity != nil {
            if dot(f, v) > 0 {
                downhill += 1
                if downhill > 20 {
                    timeStep = min(timeStep * 1.1, 1)
                    mixing *= 0.99
                }
            } else {
                downhill = 0
                timeStep = max(timeStep * 0.5, 2e-3)
                mixing = 0.25
                back = v.map { -0.5 * timeStep * $0 }
                f = try forces(zip(x, back).map { $0 + $1 })
                v = [Double](repeating: 0, count: x.count)
            }
        }
        for i in v.indices { v[i] += timeStep * f[i] }
        mix(&v, f, mixing)
        velocity = v
        let forward = clipped(v.map { timeStep * $0 }, maxStep: maxStep)
        return zip(back, forward).map { $0 + $1 }
    }
}

/// v ← (1 − a) v + a |v| F/|F|.
private func mix(_ v: inout [Double], _ f: [Double], _ a: Double) {
    let norm = dot(f, f).squareRoot()
    guard norm > 0 else { return }
    let scale = a * dot(v, v).squareRoot() / norm
    for i in v.indices { v[i] = (1 - a) * v[i] + scale * f[i] }
}

private func clipped(_ displacement: [Double], maxStep: Double) -> [Double] {
    let norm = dot(displacement, displacement).squareRoot()
    return norm > maxStep ? displacement.map { $0 * (maxStep / norm) } : displacement
}

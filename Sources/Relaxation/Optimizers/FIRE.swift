/// Damped dynamics that accelerates while it moves downhill.
///
///     F·v > 0: v ← (1 − a) v + a |v| F/|F|;  after five such steps Δt ← min(1.1 Δt, 1), a ← 0.99 a
///     else:    v ← 0, Δt ← Δt/2, a ← 0.1
///     v ← v + Δt F,   Δx = Δt v,   Δt = 0.1, a = 0.1 at first
///
/// The step limit applies to the whole displacement vector, not to each atom.
/// - Source: ASE 3.29 `ase.optimize.FIRE`; Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006).
struct FIRE: Optimizer {
    private let maxStep: Double
    private var state = FIREState(mixing: 0.1)

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) -> [Double] {
        if !state.velocity.isEmpty {
            if dot(f, state.velocity) > 0 {
                state.mix(f)
                if state.downhill > 5 { state.speedUp() }
                state.downhill += 1
            } else {
                state.slowDown(mixing: 0.1, shortest: 0)
            }
        }
        state.accelerate(f)
        return state.drift(maxStep: maxStep)
    }
}

/// FIRE that takes half a step back after moving uphill, and mixes after accelerating.
///
///     F·v > 0: after twenty such steps Δt ← min(1.1 Δt, 1), a ← 0.99 a
///     else:    Δt ← max(Δt/2, 0.002), a ← 0.25, x ← x − ½ Δt v, v ← 0, F evaluated there
///     v ← v + Δt F,   v ← (1 − a) v + a |v| F/|F|,   Δx = Δt v,   Δt = 0.1, a = 0.25 at first
///
/// - Source: ASE 3.29 `ase.optimize.FIRE2`; Guénolé et al., Comput. Mater. Sci. 175, 109584 (2020).
struct FIRE2: Optimizer {
    private let maxStep: Double
    private var state = FIREState(mixing: 0.25)

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        var (f, back) = (f, [Double](repeating: 0, count: f.count))
        if !state.velocity.isEmpty {
            if dot(f, state.velocity) > 0 {
                state.downhill += 1
                if state.downhill > 20 { state.speedUp() }
            } else {
                let velocity = state.velocity
                state.slowDown(mixing: 0.25, shortest: 2e-3)
                back = velocity.map { -0.5 * state.timeStep * $0 }
                f = try forces(back)
            }
        }
        state.accelerate(f)
        state.mix(f)
        return zip(back, state.drift(maxStep: maxStep)).map { $0 + $1 }
    }
}

/// The state of both methods between steps. Time and mass have no units here, so v is in Å and F in eV/Å.
private struct FIREState: Sendable {
    var timeStep = 0.1
    var mixing: Double
    /// Number of steps downhill since the last one uphill.
    var downhill = 0
    /// The velocity of every coordinate; empty before the first step.
    var velocity: [Double] = []

    init(mixing: Double) { self.mixing = mixing }

    mutating func speedUp() {
        timeStep = min(timeStep * 1.1, 1)
        mixing *= 0.99
    }

    mutating func slowDown(mixing: Double, shortest: Double) {
        velocity = [Double](repeating: 0, count: velocity.count)
        timeStep = max(timeStep * 0.5, shortest)
        self.mixing = mixing
        downhill = 0
    }

    mutating func accelerate(_ f: [Double]) {
        if velocity.isEmpty { velocity = [Double](repeating: 0, count: f.count) }
        for i in f.indices { velocity[i] += timeStep * f[i] }
    }

    /// Mixes the velocity with the direction of the forces: v ← (1 − a) v + a |v| F/|F|.
    mutating func mix(_ f: [Double]) {
        let norm = dot(f, f).squareRoot()
        guard norm > 0 else { return }
        let scale = mixing * dot(velocity, velocity).squareRoot() / norm
        for i in velocity.indices { velocity[i] = (1 - mixing) * velocity[i] + scale * f[i] }
    }

    func drift(maxStep: Double) -> [Double] {
        let displacement = velocity.map { timeStep * $0 }
        let norm = dot(displacement, displacement).squareRoot()
        return norm > maxStep ? displacement.map { $0 * (maxStep / norm) } : displacement
    }
}

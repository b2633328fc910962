import LinearAlgebra

/// A minimisation of the surrogate from one frame, within a distance of it.
///
/// Atoms near the radius are pushed back by an elastic wall, so that all other atoms can still relax. If the path of
/// all atoms ended at the radius, large forces on stiff bonds would remain.
struct InnerRelaxation {
    /// Inverse of the initial Hessian.
    let inverse: Matrix
    let maxSteps: Int
    /// The minimisation has converged if no atom's force is larger than this, eV/Å.
    let fmax: Double
    /// Largest displacement of an atom from the start, Å.
    let radius: Double
    /// Largest displacement of an atom in one step, Å.
    let maxStep: Double
    /// Force constant of springs that pull each atom back to its start, eV/Å². With springs, the forces are removed by
    /// the smallest displacement instead of a long path along soft directions.
    var damping = 0.0

    struct Outcome: Sendable, Equatable {
        var displacement: [Double]
        var energy: Double
        var gradient: [Double]
        var steps: Int
        var reachedRadius: Bool
        var isConverged: Bool
    }

    /// Minimises the surrogate by BFGS on the inverse Hessian with backtracking.
    ///
    /// - Parameters:
    ///   - first: displacement to begin with. Nil means zero.
    ///   - surrogate: energy, eV, and gradient, eV/Å, at a displacement from the start.
    func run(
        from first: [Double]? = nil,
        _ surrogate: ([Double]) throws -> (energy: Double, gradient: [Double])
    ) throws -> Outcome {
        func evaluate(_ x: [Double]) throws -> (energy: Double, gradient: [Double]) {
            let (energy, gradient) = try surrogate(x)
            return held(x, energy, gradient)
        }
        let n = inverse.rows
        var h = inverse
        var x = first ?? [Double](repeating: 0, count: n)
        var (energy, gradient) = try evaluate(x)
        var steps = 0
        while steps < maxSteps, longest(gradient) > fmax {
            var direction = product(h, gradient).map { -$0 }
            var slope = dot(direction, gradient)
            if !(slope < 0) {
                h = inverse
                direction = product(h, gradient).map { -$0 }
                slope = dot(direction, gradient)
            }
            var scale = min(1, maxStep / max(longest(direction), 1e-12))
            var next: (x: [Double], energy: Double, gradient: [Double])?
            for _ in 0..<12 {
                let trial = zip(x, direction).map { $0 + scale * $1 }
                let result = try evaluate(trial)
                if result.energy <= energy + 1e-4 * scale * slope {
                    next = (trial, result.energy, result.gradient)
                    break
                }
                scale *= 0.4
            }
            guard let next else { break }
            steps += 1
            let s = zip(next.x, x).map { $0 - $1 }
            let y = zip(next.gradient, gradient).map { $0 - $1 }
            Self.update(&h, s, y)
            (x, energy, gradient) = (next.x, next.energy, next.gradient)
        }
        let isConverged = longest(gradient) <= fmax
        let reach = longest(x)
        if reach > radius { x = x.map { $0 * radius / reach } }
        (energy, gradient) = try surrogate(x)
        return Outcome(
            displacement: x, energy: energy, gradient: gradient, steps: steps,
            reachedRadius: reach > wall, isConverged: isConverged)
    }

    /// The distance at which the wall begins, Å.
    private var wall: Double { 0.9 * radius }

    /// Adds the energy and the gradient of the damping springs, and of the wall: ½ k (|x_i| − wall)² for each atom
    /// beyond the wall, k = 100 eV/Å².
    private func held(
        _ x: [Double], _ energy: Double, _ gradient: [Double]
    ) -> (energy: Double, gradient: [Double]) {
        var (energy, gradient) = (energy, gradient)
        if damping > 0 {
            energy += damping / 2 * dot(x, x)
            for i in x.indices { gradient[i] += damping * x[i] }
        }
        guard radius.isFinite else { return (energy, gradient) }
        for i in stride(from: 0, to: x.count, by: 3) {
            let distance = (x[i] * x[i] + x[i + 1] * x[i + 1] + x[i + 2] * x[i + 2]).squareRoot()
            let excess = distance - wall
            guard excess > 0 else { continue }
            energy += 50 * excess * excess
            for axis in i..<i + 3 { gradient[axis] += 100 * excess * x[axis] / distance }
        }
        return (energy, gradient)
    }

    /// Updates the inverse Hessian, H ← (1 − ρ s yᵀ) H (1 − ρ y sᵀ) + ρ s sᵀ, ρ = 1/(sᵀy), unless the curvature is not
    /// positive.
    private static func update(_ h: inout Matrix, _ s: [Double], _ y: [Double]) {
        let along = dot(s, y)
        guard along > 1e-12 else { return }
        let hy = product(h, y)
        let factor = (1 + dot(y, hy) / along) / along
        let n = s.count
        h.storage.withUnsafeMutableBufferPointer { h in
            for i in 0..<n {
                let (a, b) = (factor * s[i] - hy[i] / along, s[i] / along)
                for j in 0..<n { h[i * n + j] += a * s[j] - b * hy[j] }
            }
        }
    }
}

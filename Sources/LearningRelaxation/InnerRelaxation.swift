import LinearAlgebra

/// A minimisation of the surrogate from one frame, within a limited distance.
struct InnerRelaxation {
    /// Inverse of the initial Hessian.
    let inverse: Matrix
    let maxSteps: Int
    /// Converged if no atom's force is larger, eV/Å.
    let fmax: Double
    /// Largest displacement of an atom from the start, Å.
    let radius: Double
    /// Largest displacement of an atom in one step, Å.
    let maxStep: Double

    struct Outcome: Sendable, Equatable {
        var displacement: [Double]
        var energy: Double
        var gradient: [Double]
        var steps: Int
        var reachedRadius: Bool
        var isConverged: Bool
    }

    /// BFGS on the inverse Hessian with backtracking.
    ///
    /// - Parameter evaluate: energy, eV, and gradient, eV/Å, at a displacement from the start.
    func run(_ evaluate: ([Double]) throws -> (energy: Double, gradient: [Double])) throws -> Outcome {
        let n = inverse.rows
        var h = inverse
        var x = [Double](repeating: 0, count: n)
        var (energy, gradient) = try evaluate(x)
        var steps = 0
        var reachedRadius = false
        while steps < maxSteps, longest(gradient) > fmax, !reachedRadius {
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
            let reach = longest(next.x)
            if reach > radius {
                // Stops at the boundary on the way.
                reachedRadius = true
                x = next.x.map { $0 * radius / reach }
                (energy, gradient) = try evaluate(x)
            } else {
                (x, energy, gradient) = (next.x, next.energy, next.gradient)
            }
        }
        return Outcome(
            displacement: x, energy: energy, gradient: gradient, steps: steps,
            reachedRadius: reachedRadius, isConverged: longest(gradient) <= fmax)
    }

    /// H ← (1 − ρ s yᵀ) H (1 − ρ y sᵀ) + ρ s sᵀ, ρ = 1/(sᵀy); skipped if the curvature is not
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

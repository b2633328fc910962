#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension DirectionProblem {
    /// Returns J₁(v) = −Σ w_j exp(−((d_j − u_j·v)/σ₁)²) (eq. 14).
    public func numericLoss(_ v: SIMD3<Double>, sigma1: Double) -> Double {
        var sum = 0.0
        for j in u.indices where w[j] > 0 {
            let misfit = (d[j] - dot(u[j], v)) / sigma1
            sum -= w[j] * exp(-misfit * misfit)
        }
        return sum
    }

    /// Returns argmin J₁ over unit vectors, starting from eq. 17's direction and the best five of
    /// 64 points on the sphere.
    ///
    /// J₁ is a Welsch loss, so minimising J₂ with weights w_j exp(−(misfit/σ₁)²) never increases J₁
    /// (majorise–minimise). Ten such steps find the basin; Newton steps in the tangent plane then find the minimum.
    func numericMinimum(_ sigma1: Double) -> SIMD3<Double> {
        let ranked = Self.sphere.map { ($0, numericLoss($0, sigma1: sigma1)) }
            .sorted { $0.1 < $1.1 }.prefix(5).map(\.0)
        let paper = solve(.paperEq17)
        var best: (v: SIMD3<Double>, loss: Double)?
        for start in (paper == .zero ? [] : [paper]) + ranked {
            let v = descend(from: start, sigma1)
            let loss = numericLoss(v, sigma1: sigma1)
            if best.map({ loss < $0.loss }) ?? true { best = (v, loss) }
        }
        return best?.v ?? .zero
    }

    private func descend(from start: SIMD3<Double>, _ sigma1: Double) -> SIMD3<Double> {
        var (v, loss) = (start, numericLoss(start, sigma1: sigma1))
        for iteration in 0..<200 {
            if iteration >= 10, let next = newtonStep(v, loss, sigma1) {
                let moved = next.v - v
                (v, loss) = next
                if dot(moved, moved) < 1e-28 { break }
                continue
            }
            var reweighted = Symmetric3()
            var b = SIMD3<Double>.zero
            for j in u.indices where w[j] > 0 {
                let misfit = (d[j] - dot(u[j], v)) / sigma1
                let omega = w[j] * exp(-misfit * misfit)
                reweighted.add(omega, u[j])
                b += omega * d[j] * u[j]
            }
            let next = reweighted.minimiserOnSphere(b)
            guard next != .zero else { break }
            let moved = next - v
            v = next
            loss = numericLoss(v, sigma1: sigma1)
            if dot(moved, moved) < 1e-26 { break }
        }
        return v
    }

    /// Takes one Newton step of J₁ on the sphere; returns nil if J₁ does not decrease.
    private func newtonStep(
        _ v: SIMD3<Double>, _ loss: Double, _ sigma1: Double
    ) -> (v: SIMD3<Double>, loss: Double)? {
        // J₁' = −Σ 2w e (d − u·v)/σ² u,  J₁'' = Σ 2w e (1 − 2 misfit²)/σ² u uᵀ.
        var gradient = SIMD3<Double>.zero
        var hessian = Symmetric3()
        for j in u.indices where w[j] > 0 {
            let misfit = (d[j] - dot(u[j], v)) / sigma1
            let e = 2 * w[j] * exp(-misfit * misfit)
            gradient -= e * misfit / sigma1 * u[j]
            hessian.add(e * (1 - 2 * misfit * misfit) / (sigma1 * sigma1), u[j])
        }
        let axis: SIMD3<Double> = abs(v.x) < 0.6 ? [1, 0, 0] : [0, 1, 0]
        var e1 = cross(v, axis)
        e1 /= dot(e1, e1).squareRoot()
        let e2 = cross(v, e1)
        let radial = dot(gradient, v)
        let (g1, g2) = (dot(gradient, e1), dot(gradient, e2))
        let (h11, h22) = (dot(e1, hessian * e1) - radial, dot(e2, hessian * e2) - radial)
        let h12 = dot(e1, hessian * e2)
        let determinant = h11 * h22 - h12 * h12
        guard h11 > 0, determinant > 0 else { return nil }
        let (s1, s2) = ((h12 * g2 - h22 * g1) / determinant, (h12 * g1 - h11 * g2) / determinant)
        var next = v + s1 * e1 + s2 * e2
        next /= dot(next, next).squareRoot()
        let nextLoss = numericLoss(next, sigma1: sigma1)
        return nextLoss <= loss + 1e-15 * abs(loss) ? (next, nextLoss) : nil
    }

    /// 64 points of a Fibonacci spiral on the unit sphere.
    private static let sphere: [SIMD3<Double>] = (0..<64).map { k in
        let z = 1 - (2 * Double(k) + 1) / 64
        let angle = Double(k) * .pi * (3 - 5.0.squareRoot())
        let radius = (1 - z * z).squareRoot()
        return [radius * cos(angle), radius * sin(angle), z]
    }
}

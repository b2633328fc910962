import LinearAlgebra

/// Quasi-Newton method with the Hessian itself.
///
///     H ← H + y yᵀ/(sᵀ y) − H s sᵀ H/(sᵀ H s),   H = V diag(λ) Vᵀ,   Δx = V (Vᵀ F / |λ|)
///
/// H is the Hessian, F the forces, s the displacement of a step and y the change of the gradient along it. As in ASE,
/// sᵀ y need not be positive: absolute eigenvalues make every step a descent. A pair (s, y) is skipped only if a
/// quotient has no value (sᵀ y or sᵀ H s is zero, where ASE fails) or if s is below 10⁻⁷ Å.
///
/// With damping, if sᵀ y < 0.2 sᵀ H s, y is replaced by θ y + (1 − θ) H s with θ = 0.8 sᵀ H s/(sᵀ H
/// s − sᵀ y), so that H stays positive definite; a pair with |sᵀ y| < 10⁻¹⁰ |s||y| is skipped.
/// - Complexity: n³/3 operations per step if H is positive definite, otherwise about 9 n³ more.
/// - Source: ASE 3.29 `ase.optimize.BFGS`, α = 70 eV/Å²; Powell, Math. Program. 14, 224 (1978).
struct BFGS: Optimizer {
    private let maxStep: Double
    private let isDamped: Bool
    private var hessian: Matrix

    init(maxStep: Double, hessian: Matrix, isDamped: Bool) {
        self.maxStep = maxStep
        self.hessian = hessian
        self.isDamped = isDamped
    }

    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        limited(try newton(f), maxStep: maxStep)
    }

    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) {}

    private func newton(_ f: [Double]) throws -> [Double] {
        // If H is positive definite, |λ| is λ and the step is H⁻¹ F.
        if let factor = try? Cholesky(hessian) { return factor.solve(f) }
        let eigen = try SymmetricEigen(hessian)
        var along = product(eigen.vectors, f)
        for k in along.indices { along[k] /= abs(eigen.values[k]) }
        return product(eigen.vectors, along, transpose: true)
    }

    mutating func learn(_ s: [Double], _ y: [Double]) {
        guard s.contains(where: { abs($0) >= 1e-7 }) else { return }
        let hs = product(hessian, s)
        var (y, a, b) = (y, dot(s, y), dot(s, hs))
        if isDamped {
            if a < 0.2 * b {
                let theta = 0.8 * b / (b - a)
                for i in y.indices { y[i] = theta * y[i] + (1 - theta) * hs[i] }
                a = dot(s, y)
            }
            guard abs(a) >= 1e-10 * (dot(s, s) * dot(y, y)).squareRoot() else { return }
        }
        guard a != 0, b != 0 else { return }
        let n = s.count
        hessian.storage.withUnsafeMutableBufferPointer { h in
            for i in 0..<n {
                let (p, q) = (y[i] / a, hs[i] / b)
                for j in 0..<n { h[i * n + j] += p * y[j] - q * hs[j] }
            }
        }
    }
}

import LinearAlgebra

/// Quasi-Newton with the Hessian itself.
///
///     H ← H + Δg Δgᵀ/(Δxᵀ Δg) − H Δx Δxᵀ H/(Δxᵀ H Δx),   H = V diag(λ) Vᵀ,   Δx = −V (Vᵀ g / |λ|)
///
/// g = −F. Absolute eigenvalues make every step one downhill; there is no other safeguard but the step limit
/// and that a pair without information (|Δxᵀ Δg| ≤ 10⁻¹⁰ |Δx||Δg|, or Δx below 10⁻⁷ Å) changes nothing.
/// - Complexity: the eigenvalues, about 9 (3N)³ operations a step.
/// - Source: ASE 3.29 `ase.optimize.BFGS`; α = 70 eV/Å².
struct BFGS: Optimizer {
    private let maxStep: Double
    private var hessian: Matrix
    private var last: (x: [Double], f: [Double])?

    /// - Parameter hessian: where to start, row-major; 70 eV/Å² times the unit matrix where nil.
    init(maxStep: Double, hessian: [Double]?) {
        self.maxStep = maxStep
        let size = hessian.map { Int(Double($0.count).squareRoot().rounded()) } ?? 0
        self.hessian = Matrix(rows: size, columns: size, storage: hessian ?? [])
    }

    mutating func step(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        update(x, f)
        let eigen = try SymmetricEigen(hessian)
        var along = product(eigen.vectors, f)
        for k in along.indices { along[k] /= abs(eigen.values[k]) }
        return limited(product(eigen.vectors, along, transpose: true), maxStep: maxStep)
    }

    mutating func replay(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) { update(x, f) }

    private mutating func update(_ x: [Double], _ f: [Double]) {
        if hessian.rows != x.count { hessian = .identity(x.count, scale: 70) }
        defer { last = (x, f) }
        guard let last else { return }
        let dx = zip(x, last.x).map { $0 - $1 }
        guard dx.contains(where: { abs($0) >= 1e-7 }) else { return }
        let dg = zip(last.f, f).map { $0 - $1 }
        let a = dot(dx, dg)
        guard abs(a) > 1e-10 * (dot(dx, dx) * dot(dg, dg)).squareRoot() else { return }
        let hdx = product(hessian, dx)
        let b = dot(dx, hdx)
        let n = x.count
        hessian.storage.withUnsafeMutableBufferPointer { h in
            for i in 0..<n {
                let (p, q) = (dg[i] / a, hdx[i] / b)
                for j in 0..<n { h[i * n + j] += p * dg[j] - q * hdx[j] }
            }
        }
    }
}

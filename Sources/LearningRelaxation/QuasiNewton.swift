import LinearAlgebra

/// The curvature of the engine's energy: a Hessian B updated by BFGS along the frames, as in ASE, with the
/// displacements Δx and the changes Δg of the gradient.
///
///     B ← B + Δg Δgᵀ/(Δxᵀ Δg) − B Δx (B Δx)ᵀ/(Δxᵀ B Δx)
struct QuasiNewton: Sendable {
    private(set) var matrix: Matrix
    private var last: (x: [Double], gradient: [Double])?

    /// - Parameter matrix: symmetric, positive definite, eV/Å².
    init(_ matrix: Matrix) { self.matrix = matrix }

    mutating func learn(_ x: [Double], gradient: [Double]) {
        defer { last = (x, gradient) }
        guard let last else { return }
        let s = zip(x, last.x).map { $0 - $1 }
        let y = zip(gradient, last.gradient).map { $0 - $1 }
        guard longest(s) > 1e-7 else { return }
        let along = dot(s, y)
        let bs = product(matrix, s)
        let curvature = dot(s, bs)
        guard abs(along) > 1e-12, abs(curvature) > 1e-12 else { return }
        let n = x.count
        for i in 0..<n {
            for j in 0..<n { matrix[i, j] += y[i] * y[j] / along - bs[i] * bs[j] / curvature }
        }
    }

    /// Returns the gradient that the quadratic model predicts at a displacement from a frame.
    func expectedGradient(after displacement: [Double], from gradient: [Double]) -> [Double] {
        zip(gradient, product(matrix, displacement)).map { $0 + $1 }
    }

    /// Returns the step −V |λ|⁻¹ Vᵀ g for the gradient g, with the eigenvalues λ and eigenvectors V of the matrix. The
    /// step is shortened so that no atom moves further than `maxStep`.
    func step(_ gradient: [Double], maxStep: Double) throws -> [Double] {
        let eigen = try SymmetricEigen(matrix)
        let parts = product(eigen.vectors, gradient)
        let scaled = zip(parts, eigen.values).map { -$0 / max(abs($1), 1e-6) }
        let step = product(eigen.vectors, scaled, transpose: true)
        let length = longest(step)
        return length > maxStep ? step.map { $0 * maxStep / length } : step
    }
}

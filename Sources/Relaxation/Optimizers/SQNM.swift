import LinearAlgebra

/// Stabilised quasi-Newton method: it uses curvature only in directions that the history of steps resolves, and trusts
/// a curvature less if its direction is not an eigenvector. With the displacements s_k of the last steps, the changes
/// y_k of the gradient along them, and the forces F,
///
///     ŝ_k = s_k/|s_k|, ŷ_k = y_k/|s_k|;   S = ŝᵀ ŝ = U diag(σ) Uᵀ;   v_i = Σ_k U_ki ŝ_k/√σ_i  (σ_i > 10⁻⁴ σ_max)
///     H̃ = ½(vᵀ w + wᵀ v), w likewise from ŷ;  H̃ c_j = κ_j c_j;   r_j = |w c_j − κ_j v c_j|
///     Δx = Σ_j (F·v c_j)/√(κ_j² + r_j²) v c_j + α F_⊥
///
/// The last ten pairs are used. α, initially 1/70 Å²/eV, follows the ratio of the gain of the last
/// step to the predicted one: the change of the energy along s is −½(F₀ + F₁)·s from the forces at
/// both ends, and −½ F₀·s for a perfect step. Below half, α is multiplied by 0.65 (minimum 1/700),
/// above 1.05 by 1.05 (maximum 1 Å²/eV). Unlike the original, this needs no energy, and no step is
/// taken back.
/// - Complexity: of the order of 400 n operations per step.
/// - Source: Schaefer, Ghasemi, Roy, Goedecker, J. Chem. Phys. 142, 034112 (2015); for the gain,
///   Gubler, Krummenacher, Huber, Goedecker, arXiv:2206.07339.
struct SQNM: Optimizer {
    private static let memory = 10
    private static let significance = 1e-4
    private let maxStep: Double
    private var pairs: [SecantPair] = []
    private var alpha = 1.0 / 70
    /// Forces at the start of the last step.
    private var last: [Double]?

    init(maxStep: Double) { self.maxStep = maxStep }

    mutating func learn(_ s: [Double], _ y: [Double]) {
        guard s.contains(where: { abs($0) >= 1e-7 }) else { return }
        if let last {
            let promised = dot(last, s)
            let gain = 2 - dot(y, s) / promised
            if promised <= 0 || gain < 0.5 {
                alpha = max(alpha * 0.65, 1.0 / 700)
            } else if gain > 1.05 {
                alpha = min(alpha * 1.05, 1)
            }
        }
        pairs.append(SecantPair(s: s, y: y))
        if pairs.count > Self.memory { pairs.removeFirst() }
    }

    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double] {
        last = f
        let (directions, curvatures) = try significantSubspace(of: f.count)
        let along = product(directions, f)
        let inside = zip(along, curvatures).map { $0 / $1 - alpha * $0 }
        var step = product(directions, inside, transpose: true)
        for i in step.indices { step[i] += alpha * f[i] }
        return limited(step, maxStep: maxStep)
    }

    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) { last = f }

    /// Returns the orthonormal directions v c_j as rows, and √(κ_j² + r_j²) of each.
    private func significantSubspace(of n: Int) throws -> (directions: Matrix, curvatures: [Double]) {
        guard !pairs.isEmpty else { return (Matrix(rows: 0, columns: n), []) }
        var (s, y) = (Matrix(rows: pairs.count, columns: n), Matrix(rows: pairs.count, columns: n))
        for (k, pair) in pairs.enumerated() {
            let scale = 1 / dot(pair.s, pair.s).squareRoot()
            for i in 0..<n { (s[k, i], y[k, i]) = (pair.s[i] * scale, pair.y[i] * scale) }
        }
        let overlap = try SymmetricEigen(product(s, s, transposeB: true))
        let largest = overlap.values.last ?? 0
        let kept = overlap.values.indices.filter { overlap.values[$0] > Self.significance * largest }
        var basis = overlap.vectors.selectingRows(kept)
        for (row, k) in kept.enumerated() {
            for i in 0..<basis.columns { basis[row, i] /= overlap.values[k].squareRoot() }
        }
        let (v, w) = (product(basis, s), product(basis, y))
        var projected = product(v, w, transposeB: true)
        for i in 0..<projected.rows {
            for j in 0..<i {
                let mean = (projected[i, j] + projected[j, i]) / 2
                (projected[i, j], projected[j, i]) = (mean, mean)
            }
        }
        let ritz = try SymmetricEigen(projected)
        let (directions, images) = (product(ritz.vectors, v), product(ritz.vectors, w))
        let curvatures = ritz.values.indices.map { j in
            var squared = ritz.values[j] * ritz.values[j]
            for i in 0..<n {
                let residue = images[j, i] - ritz.values[j] * directions[j, i]
                squared += residue * residue
            }
            return squared.squareRoot()
        }
        return (directions, curvatures)
    }
}

import Foundation
import LinearAlgebra

/// Orthonormalised Gaussian radial basis of SOAP (DScribe's `gto`).
///
///     b_nl(r) = Σ_k β^l_nk r^l exp(−α_lk r²),   α_lk = (ln 1000 + l ln a_k) / a_k²,
///
/// with a_k equally spaced from 1 Å to r_cut, and β^l = (S^l)^(−1/2) from the overlap on [0, ∞),
///
///     S^l_kk' = ½ Γ(l + 3/2) (α_lk + α_lk')^(−l − 3/2),   Γ(l + 3/2) = √π ½ (3/2) … (l + ½).
struct RadialBasis: Sendable {
    /// α_lk, (l_max + 1)×n_max, Å⁻².
    let alpha: Matrix
    /// β^l, n_max×n_max for each l.
    let beta: [Matrix]

    init(rCut: Double, nMax: Int, lMax: Int) throws(DescriptorError) {
        var alpha = Matrix(rows: lMax + 1, columns: nMax)
        var beta: [Matrix] = []
        for l in 0...lMax {
            for k in 0..<nMax {
                let a = nMax == 1 ? 1 : 1 + (rCut - 1) * Double(k) / Double(nMax - 1)
                alpha[l, k] = (log(1000) + Double(l) * log(a)) / (a * a)
            }
            // The overlap's condition number grows to 1e12, so it is computed and inverted in 32
            // digits.
            var gamma = DoubleDouble.squareRootOfPi
            for k in 0...l { gamma = gamma * DoubleDouble(Double(k) + 0.5) }
            let half = gamma * DoubleDouble(0.5)
            var overlap: [DoubleDouble] = []
            for i in 0..<nMax {
                for j in 0..<nMax {
                    let sum = DoubleDouble(alpha[l, i]) + DoubleDouble(alpha[l, j])
                    let power = (0..<l).reduce(sum * sum.squareRoot()) { power, _ in power * sum }
                    overlap.append(half / power)
                }
            }
            guard let root = try? inverseSquareRoot(of: overlap, size: nMax) else {
                throw .illConditionedBasis(l: l)
            }
            beta.append(root)
        }
        self.alpha = alpha
        self.beta = beta
    }
}

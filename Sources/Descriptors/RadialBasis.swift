import Foundation
import LinearAlgebra

/// Orthonormalised Gaussian radial basis of SOAP (DScribe's `gto`).
///
///     b_nl(r) = Σ_k β^l_nk r^l exp(−α_lk r²),   α_lk = (ln 1000 + l ln a_k) / a_k²,
///
/// with a_k equally spaced from 1 Å to r_cut, and β^l = (S^l)^(−1/2) from the overlap on [0, ∞),
///
///     S^l_kk' = ½ Γ(l + 3/2) (α_lk + α_lk')^(−l − 3/2).
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
            var overlap = Matrix(rows: nMax, columns: nMax)
            let power = Double(l) + 1.5
            for i in 0..<nMax {
                for j in 0..<nMax {
                    overlap[i, j] = 0.5 * tgamma(power) * pow(alpha[l, i] + alpha[l, j], -power)
                }
            }
            guard let root = try? inverseSquareRoot(of: overlap) else {
                throw .illConditionedBasis(l: l)
            }
            beta.append(root)
        }
        self.alpha = alpha
        self.beta = beta
    }
}

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
    /// The exponents α_lk, (l_max + 1)×n_max, Å⁻².
    let alpha: Matrix
    /// The coefficients β^l_nk, an n_max×n_max matrix for each l.
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

/// Returns e^x for −708 < x ≤ 0 in each lane, to about 1 ulp; smaller arguments give the value at −708 (3e-308).
///
/// x = k ln 2 + t with |t| ≤ ½ ln 2, e^t by its Taylor polynomial of degree 13, 2^k by its exponent
/// bits. Fused multiply–add is not used, because it is a library call on processors older than AVX2.
@inline(__always)
func exponential(_ argument: SIMD4<Double>) -> SIMD4<Double> {
    let x = argument.replacing(with: -708, where: argument .< -708)
    // Adding 1.5·2⁵² rounds to an integer and leaves it in the low bits.
    let magic = 6_755_399_441_055_744.0
    let shifted = x * 1.442_695_040_888_963_4 + magic
    let k = shifted - magic
    let t = (x - k * 0.693_147_180_369_123_8) - k * 1.908_214_929_270_587_7e-10
    // Splitting even and odd powers gives two shorter chains of dependent operations.
    let u = t * t
    var even = u * (1 / 479_001_600) + 1 / 3_628_800
    even = even * u + 1 / 40_320
    even = even * u + 1 / 720
    even = even * u + 1 / 24
    even = even * u + 0.5
    var odd = u * (1 / 6_227_020_800) + 1 / 39_916_800
    odd = odd * u + 1 / 362_880
    odd = odd * u + 1 / 5_040
    odd = odd * u + 1 / 120
    odd = odd * u + 1.0 / 6
    // 1 + (t + (t² even + t³ odd)): the small terms are added first.
    let expT = 1 + (t + u * (even + t * odd))
    let bits = unsafeBitCast(shifted, to: SIMD4<Int64>.self) &+ 1023
    return expT * unsafeBitCast(bits &<< 52, to: SIMD4<Double>.self)
}

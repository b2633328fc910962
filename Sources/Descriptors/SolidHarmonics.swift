import Foundation

/// Real solid harmonics r^l Y_lm, orthonormal on the sphere, for four points at a time.
///
/// R_lm, −l ≤ m ≤ l, has the index l² + l + m. With the polynomial Q_lm = r^(l−m) P_l^(m)(z/r), where P_l^(m) is the
/// m-th derivative of the Legendre polynomial P_l (no Condon–Shortley sign), and with (x + iy)^m = c_m + i s_m,
///
///     R_lm = N_lm Q_lm c_m (m ≥ 0),   R_l,−m = N_lm Q_lm s_m,
///     N_lm = √((2 − δ_m0)(2l + 1)/(4π) (l − m)!/(l + m)!).
///
/// Source: the Cartesian recursions of Bigi et al., J. Chem. Phys. 159, 064802 (2023).
struct SolidHarmonics: Sendable {
    let lMax: Int
    /// The number of harmonics, (l_max + 1)².
    let count: Int
    /// The normalisation factors N_lm for m ≥ 0 at l(l + 1)/2 + m.
    private let norms: [Double]

    init(lMax: Int) {
        self.lMax = lMax
        count = (lMax + 1) * (lMax + 1)
        var norms: [Double] = []
        for l in 0...lMax {
            for m in 0...l {
                var ratio = 1.0
                for k in stride(from: l - m + 1, through: l + m, by: 1) { ratio /= Double(k) }
                norms.append(
                    (Double(m == 0 ? 1 : 2) * Double(2 * l + 1) / (4 * Double.pi) * ratio).squareRoot())
            }
        }
        self.norms = norms
    }

    /// Number of scratch vectors that ``evaluate`` needs: Q_lm with m ≥ 0, then c_m and s_m.
    var scratchCount: Int { (lMax + 1) * (lMax + 2) / 2 + 2 * (lMax + 1) }

    /// Writes R_lm of four points to `values[(l² + l + m) * stride]`, and their derivatives with
    /// respect to x, y, z to `gradient[((l² + l + m) * 3 + axis) * stride]` if `gradient` is not
    /// nil.
    @inline(__always)
    func evaluate(
        x: SIMD4<Double>, y: SIMD4<Double>, z: SIMD4<Double>,
        scratch q: UnsafeMutablePointer<SIMD4<Double>>,
        values: UnsafeMutablePointer<SIMD4<Double>>,
        gradient: UnsafeMutablePointer<SIMD4<Double>>?, stride: Int
    ) {
        let c = q + (lMax + 1) * (lMax + 2) / 2
        let s = c + lMax + 1
        let r2 = x * x + y * y + z * z
        (c[0], s[0]) = (SIMD4(repeating: 1), SIMD4(repeating: 0))
        q[0] = SIMD4(repeating: 1)
        for l in span(1, lMax) {
            c[l] = x * c[l - 1] - y * s[l - 1]
            s[l] = x * s[l - 1] + y * c[l - 1]
            let (row, previous) = (l * (l + 1) / 2, l * (l - 1) / 2)
            q[row + l] = Double(2 * l - 1) * q[previous + l - 1]
            q[row + l - 1] = Double(2 * l - 1) * z * q[previous + l - 1]
            let beforePrevious = (l - 1) * (l - 2) / 2
            for m in span(0, l - 2) {
                q[row + m] =
                    (Double(2 * l - 1) * z * q[previous + m]
                        - Double(l + m - 1) * r2 * q[beforePrevious + m]) * (1 / Double(l - m))
            }
        }
        norms.withUnsafeBufferPointer { norms in
            for l in 0...lMax {
                let row = l * (l + 1) / 2
                let middle = values + (l * l + l) * stride
                middle[0] = norms[row] * q[row]
                for m in span(1, l) {
                    let scaled = norms[row + m] * q[row + m]
                    middle[m * stride] = scaled * c[m]
                    middle[-m * stride] = scaled * s[m]
                }
            }
            guard let gradient else { return }
            // ∂x Q_lm = −x Q_(l−1)(m+1), ∂z Q_lm = (l + m) Q_(l−1)m, ∂x c_m = m c_(m−1), ∂y c_m = −m s_(m−1).
            let zero = SIMD4<Double>(repeating: 0)
            for l in 0...lMax {
                let (row, previous) = (l * (l + 1) / 2, l * (l - 1) / 2)
                for m in 0...l {
                    let norm = norms[row + m]
                    let sideways = m + 1 < l ? -norm * q[previous + m + 1] : zero
                    let upwards = m < l ? (norm * Double(l + m)) * q[previous + m] : zero
                    let turning = m > 0 ? (norm * Double(m)) * q[row + m] : zero
                    let (cBefore, sBefore) = m > 0 ? (c[m - 1], s[m - 1]) : (zero, zero)
                    let plus = gradient + (l * l + l + m) * 3 * stride
                    plus[0] = x * sideways * c[m] + turning * cBefore
                    plus[stride] = y * sideways * c[m] - turning * sBefore
                    plus[2 * stride] = upwards * c[m]
                    guard m > 0 else { continue }
                    let minus = gradient + (l * l + l - m) * 3 * stride
                    minus[0] = x * sideways * s[m] + turning * sBefore
                    minus[stride] = y * sideways * s[m] + turning * cBefore
                    minus[2 * stride] = upwards * s[m]
                }
            }
        }
    }
}

/// Returns the range first, first + 1, …, last; empty if last < first.
@inline(__always)
private func span(_ first: Int, _ last: Int) -> Range<Int> { first..<Swift.max(first, last + 1) }

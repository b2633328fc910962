import Atomistics

/// Reverse-mode differentiation of a function E of the power spectrum p around one centre: from ∂E/∂p through ∂E/∂c,
/// where c are the expansion coefficients, to ∂E/∂r of every neighbour.
final class Adjoint {
    private let expansion: Expansion
    /// ∂E/∂c of the expansion coefficients c, in the layout of `Expansion.coefficients`.
    private let byCoefficient: UnsafeMutablePointer<Double>
    /// ∂E/∂s of the sums s_lmk = Σ_i w_i R_lm(r_i) exp(−A_lk r_i²) over the neighbours i of one species, where w is the
    /// weight of a neighbour, R_lm a solid harmonic and A_lk `SOAP.decay`. Ordered by species, then lm; one vector
    /// holds four consecutive k.
    private let bySum: UnsafeMutablePointer<SIMD4<Double>>
    private let rowBuffer: UnsafeMutablePointer<SIMD4<Double>>
    /// Σ_k ∂E/∂s_lmk exp(−A_lk r²) for four neighbours (s as in `bySum`); one vector per harmonic lm.
    private let angular: UnsafeMutablePointer<SIMD4<Double>>

    init(_ expansion: Expansion) {
        self.expansion = expansion
        let soap = expansion.soap
        byCoefficient = .allocate(capacity: soap.coefficientCount)
        bySum = .allocate(capacity: soap.coefficientCount / 4)
        rowBuffer = .allocate(capacity: soap.blocks)
        angular = .allocate(capacity: expansion.harmonicCount)
        angular.initialize(repeating: .zero, count: expansion.harmonicCount)
    }

    deinit {
        byCoefficient.deallocate()
        bySum.deallocate()
        rowBuffer.deallocate()
        angular.deallocate()
    }

    /// Computes `bySum` from ∂E/∂p of the centre whose neighbours `expansion` holds.
    func start(featureGradient: UnsafePointer<Double>, coefficients: UnsafePointer<Double>) {
        differentiatePowerSpectrum(featureGradient, coefficients)
        contract()
    }

    /// Computes ∂E/∂c from g = ∂E/∂p. Because p = Σ_m c_a c_b, with a and b coefficients of the same l and m, it adds g
    /// c_b to ∂E/∂c_a and g c_a to ∂E/∂c_b.
    private func differentiatePowerSpectrum(
        _ featureGradient: UnsafePointer<Double>, _ coefficients: UnsafePointer<Double>
    ) {
        let soap = expansion.soap
        let (nMax, width, blocks) = (soap.nMax, expansion.width, soap.blocks)
        let row = expansion.speciesCount * width
        byCoefficient.initialize(repeating: 0, count: soap.coefficientCount)
        let rowValues = UnsafeMutableRawPointer(rowBuffer).assumingMemoryBound(to: Double.self)
        var g = featureGradient
        for a in 0..<expansion.speciesCount {
            for b in a..<expansion.speciesCount {
                guard expansion.starts[a] < expansion.ends[a], expansion.starts[b] < expansion.ends[b]
                else {
                    g += (a == b ? nMax * (nMax + 1) / 2 : nMax * nMax) * (soap.lMax + 1)
                    continue
                }
                for l in 0...soap.lMax {
                    for n in 0..<nMax {
                        let first = a == b ? n : 0
                        for block in 0..<blocks { rowBuffer[block] = .zero }
                        for k in first..<nMax { rowValues[k] = g[k - first] }
                        g += nMax - first
                        for lm in l * l..<(l + 1) * (l + 1) {
                            let left = lm * row + a * width + n
                            let right = lm * row + b * width
                            let c = coefficients[left]
                            let values = UnsafeRawPointer(coefficients + right)
                            let output = UnsafeMutableRawPointer(byCoefficient + right)
                            var sum = SIMD4<Double>.zero
                            for block in 0..<blocks {
                                let offset = 32 * block
                                sum +=
                                    rowBuffer[block]
                                    * values.loadUnaligned(fromByteOffset: offset, as: SIMD4<Double>.self)
                                let old = output.loadUnaligned(
                                    fromByteOffset: offset, as: SIMD4<Double>.self)
                                output.storeBytes(
                                    of: old + c * rowBuffer[block], toByteOffset: offset,
                                    as: SIMD4<Double>.self)
                            }
                            byCoefficient[left] += sum.sum()
                        }
                    }
                }
            }
        }
    }

    /// Computes `bySum`, ∂E/∂s_lmk = Σ_n P_nk ∂E/∂c_nlm, where P is `SOAP.expansion`.
    private func contract() {
        let soap = expansion.soap
        let (blocks, row) = (soap.blocks, expansion.speciesCount * expansion.width)
        soap.expansion.withUnsafeBufferPointer { matrices in
            for species in 0..<expansion.speciesCount
            where expansion.starts[species] < expansion.ends[species] {
                for l in 0...soap.lMax {
                    for lm in l * l..<(l + 1) * (l + 1) {
                        let derivative = byCoefficient + lm * row + species * expansion.width
                        let output = bySum + (species * expansion.harmonicCount + lm) * blocks
                        for block in 0..<blocks {
                            var sum = SIMD4<Double>.zero
                            for n in 0..<soap.nMax {
                                sum += matrices[(l * soap.nMax + n) * blocks + block] * derivative[n]
                            }
                            output[block] = sum
                        }
                    }
                }
            }
        }
    }

    /// Adds ∂E/∂r of every neighbour to the gradient of its atom and subtracts it from the gradient of the centre. Adds
    /// Σ ∂E/∂r ⊗ r over the neighbours, where r is the vector from the centre, to the three rows of `strain`.
    func addGradient(
        center: Int, into gradient: UnsafeMutablePointer<SIMD3<Double>>,
        strain: inout (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)
    ) {
        var onCenter = SIMD3<Double>.zero
        for species in 0..<expansion.speciesCount
        where expansion.starts[species] < expansion.ends[species] {
            let end = expansion.ends[species]
            for block in expansion.starts[species] / 4..<(end + 3) / 4 {
                let lanes = min(4, end - 4 * block)
                let (fx, fy, fz) = neighborGradient(species, block, lanes)
                for lane in 0..<lanes {
                    let force = SIMD3(fx[lane], fy[lane], fz[lane])
                    gradient[expansion.neighborAtoms[4 * block + lane]] += force
                    onCenter += force
                    let r = SIMD3(
                        expansion.px[block][lane], expansion.py[block][lane], expansion.pz[block][lane])
                    strain.0 += force.x * r
                    strain.1 += force.y * r
                    strain.2 += force.z * r
                }
            }
        }
        gradient[center] -= onCenter
    }

    /// Returns ∂E/∂r of the four neighbours of one block. With the weight w, the solid harmonics R_lm, A_lk =
    /// `SOAP.decay`, G_klm = ∂E/∂s_lmk (`bySum`) and h_lm = Σ_k G_klm exp(−A_lk r²), it is
    ///
    ///     w Σ_lm h_lm ∇R_lm + ((w'/r) Σ_lm h_lm R_lm − 2w Σ_klm A_lk G_klm exp(−A_lk r²) R_lm) r.
    @inline(__always)
    private func neighborGradient(_ species: Int, _ block: Int, _ lanes: Int)
        -> (SIMD4<Double>, SIMD4<Double>, SIMD4<Double>)
    {
        let soap = expansion.soap
        let (blocks, capacity) = (soap.blocks, expansion.capacity)
        let g = bySum + species * expansion.harmonicCount * blocks
        let angularValues = UnsafeMutableRawPointer(angular).assumingMemoryBound(to: Double.self)
        let harmonics = UnsafeMutableRawPointer(expansion.harmonic + block)
            .assumingMemoryBound(to: Double.self)
        var decayed = SIMD4<Double>.zero
        soap.decay.withUnsafeBufferPointer { decay in
            for lane in 0..<lanes {
                let exponentials = expansion.radial + (4 * block + lane) * (soap.lMax + 1) * blocks
                var total = SIMD4<Double>.zero
                for l in 0...soap.lMax {
                    for lm in l * l..<(l + 1) * (l + 1) {
                        var (sum, weighted) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
                        for k in 0..<blocks {
                            let term = exponentials[l * blocks + k] * g[lm * blocks + k]
                            sum += term
                            weighted += decay[l * blocks + k] * term
                        }
                        angularValues[4 * lm + lane] = sum.sum()
                        total += weighted * harmonics[4 * lm * capacity + lane]
                    }
                }
                decayed[lane] = total.sum()
            }
        }
        var (fx, fy, fz, along) = (
            SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero
        )
        for lm in 0..<expansion.harmonicCount {
            let h = angular[lm]
            let slope = expansion.harmonicGradient + 3 * lm * capacity + block
            fx += h * slope[0]
            fy += h * slope[capacity]
            fz += h * slope[2 * capacity]
            along += h * expansion.harmonic[lm * capacity + block]
        }
        let w = expansion.weight[block]
        let radial = expansion.slope[block] * along - 2 * w * decayed
        return (
            w * fx + radial * expansion.px[block], w * fy + radial * expansion.py[block],
            w * fz + radial * expansion.pz[block]
        )
    }
}

public import LinearAlgebra

/// The derivatives of one centre's expansion coefficients with respect to the positions of its neighbours. Training
/// needs the derivatives of many functions of one power spectrum; one matrix product gives them all from these
/// derivatives.
public struct SOAPJacobian: Sendable {
    /// The derivatives ∂c_nlm/∂r of the coefficients of one species with respect to the positions of its neighbours.
    public struct Block: Sendable {
        /// Index into ``SOAP/species``.
        public let species: Int
        /// Atom index of each neighbour.
        public let neighbors: [Int]
        /// Row 3i + axis for neighbour i, column lm · n_max + n; (3 · neighbours) × ((l_max + 1)² n_max), Å⁻¹.
        public let derivatives: Matrix
    }

    public let blocks: [Block]
}

extension SOAPEnvironments {
    /// Returns the expansion coefficients c of one centre, ordered by species, lm and n, without padding. They are
    /// scaled so that p^{ZZ'}_nn'l = Σ_m c^Z_nlm c^{Z'}_n'lm.
    public func coefficients(of center: Int) -> [Double] {
        let (width, count) = (4 * soap.blocks, soap.species.count)
        let row = coefficients.row(center)
        var result: [Double] = []
        result.reserveCapacity(count * soap.harmonics.count * soap.nMax)
        for species in 0..<count {
            for lm in 0..<soap.harmonics.count {
                let start = row.startIndex + (lm * count + species) * width
                result.append(contentsOf: row[start..<start + soap.nMax])
            }
        }
        return result
    }

    /// Returns the derivatives of the coefficients of one centre, which is given by its index in ``centers``.
    public func jacobian(of center: Int) -> SOAPJacobian {
        let expansion = Expansion(soap, gradients: true)
        expansion.gather(around: positions[centers[center]], in: sites)
        expansion.tabulate()
        return expansion.jacobian()
    }
}

extension Expansion {
    /// Computes ∂c_nlm/∂r = ∇(w R_lm) Σ_k P_nk exp(−A_lk r²) − 2 w R_lm r Σ_k P_nk A_lk exp(−A_lk r²), where w is the
    /// weight of a neighbour, R_lm a solid harmonic, P `SOAP.expansion` and A `SOAP.decay`.
    func jacobian() -> SOAPJacobian {
        var result: [SOAPJacobian.Block] = []
        let (nMax, blocks, row) = (soap.nMax, soap.blocks, harmonicCount * soap.nMax)
        var (value, slopes) = ([Double](repeating: 0, count: nMax), [Double](repeating: 0, count: nMax))
        for species in 0..<speciesCount where starts[species] < ends[species] {
            let range = starts[species]..<ends[species]
            var matrix = Matrix(rows: 3 * range.count, columns: row)
            matrix.storage.withUnsafeMutableBufferPointer { output in
                for (row3, i) in range.enumerated() {
                    let (block, lane) = (i / 4, i % 4)
                    let r = SIMD3(px[block][lane], py[block][lane], pz[block][lane])
                    let (w, dw) = (weight[block][lane], slope[block][lane])
                    for l in 0...soap.lMax {
                        let exponentials = radial + (i * (soap.lMax + 1) + l) * blocks
                        for n in 0..<nMax {
                            var (sum, sloped) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
                            for k in 0..<blocks {
                                let term =
                                    exponentials[k] * soap.expansion[(l * nMax + n) * blocks + k]
                                sum += term
                                sloped += term * soap.decay[l * blocks + k]
                            }
                            (value[n], slopes[n]) = (sum.sum(), -2 * sloped.sum())
                        }
                        for lm in l * l..<(l + 1) * (l + 1) {
                            let angular = harmonic[lm * capacity + block][lane]
                            for axis in 0..<3 {
                                let gradient = harmonicGradient[(3 * lm + axis) * capacity + block][lane]
                                let first = w * gradient + dw * r[axis] * angular
                                let second = w * angular * r[axis]
                                let start = (3 * row3 + axis) * row + lm * nMax
                                for n in 0..<nMax {
                                    output[start + n] = first * value[n] + second * slopes[n]
                                }
                            }
                        }
                    }
                }
            }
            result.append(
                SOAPJacobian.Block(
                    species: species, neighbors: Array(neighborAtoms[range]), derivatives: matrix))
        }
        return SOAPJacobian(blocks: result)
    }
}

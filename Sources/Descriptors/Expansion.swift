import Atomistics
import Foundation

/// One thread's workspace for SOAP around one centre at a time: neighbours, radial and angular
/// functions, coefficients, power spectrum. Buffers grow to the largest environment and are then
/// reused.
final class Expansion {
    let soap: SOAP
    let gradients: Bool
    /// The number of radial functions, n_max, rounded up to a multiple of four.
    let width: Int
    let speciesCount: Int
    let harmonicCount: Int

    /// The neighbours of species s have the indices `starts[s]..<ends[s]`; every start is a multiple of four.
    var ends: [Int]
    var starts: [Int]
    var neighborAtoms: [Int] = []

    /// √(π√(8/(2l+1))) c_nlm of species s at (lm · S + s) · width + n, where S is the number of species; with room to
    /// read one vector past the end.
    let coefficients: UnsafeMutablePointer<Double>
    /// The power spectrum, with room to write one vector past the end.
    let features: UnsafeMutablePointer<Double>
    private let sums: UnsafeMutablePointer<SIMD4<Double>>

    /// Capacity of the neighbour buffers, in blocks of four neighbours.
    private(set) var capacity = 0
    private(set) var px: UnsafeMutablePointer<SIMD4<Double>>
    private(set) var py: UnsafeMutablePointer<SIMD4<Double>>
    private(set) var pz: UnsafeMutablePointer<SIMD4<Double>>
    private(set) var weight: UnsafeMutablePointer<SIMD4<Double>>
    /// Derivative of the weight with respect to the distance, divided by the distance.
    private(set) var slope: UnsafeMutablePointer<SIMD4<Double>>
    /// Solid harmonic R_lm of a block of four neighbours, at lm · capacity + block.
    private(set) var harmonic: UnsafeMutablePointer<SIMD4<Double>>
    /// Derivative of R_lm along one axis for a block of four neighbours, at (lm · 3 + axis) · capacity + block.
    private(set) var harmonicGradient: UnsafeMutablePointer<SIMD4<Double>>
    /// Radial exponentials exp(−A_lk r²), where A_lk is `SOAP.decay`. One vector holds block b of k, 4b ≤ k < 4b + 4,
    /// at (neighbour · (l_max + 1) + l) · blocks + b.
    private(set) var radial: UnsafeMutablePointer<SIMD4<Double>>
    let scratch: UnsafeMutablePointer<SIMD4<Double>>

    init(_ soap: SOAP, gradients: Bool) {
        self.soap = soap
        self.gradients = gradients
        width = 4 * soap.blocks
        speciesCount = soap.species.count
        harmonicCount = soap.harmonics.count
        starts = [Int](repeating: 0, count: speciesCount)
        ends = starts
        coefficients = .allocate(capacity: harmonicCount * speciesCount * width + 4)
        coefficients.initialize(repeating: 0, count: harmonicCount * speciesCount * width + 4)
        features = .allocate(capacity: soap.featureCount + 4)
        features.initialize(repeating: 0, count: soap.featureCount + 4)
        sums = .allocate(capacity: harmonicCount * soap.blocks)
        scratch = .allocate(capacity: soap.harmonics.scratchCount)
        (px, py, pz) = (.allocate(capacity: 0), .allocate(capacity: 0), .allocate(capacity: 0))
        (weight, slope) = (.allocate(capacity: 0), .allocate(capacity: 0))
        (harmonic, harmonicGradient) = (.allocate(capacity: 0), .allocate(capacity: 0))
        radial = .allocate(capacity: 0)
    }

    deinit {
        freeNeighbors()
        coefficients.deallocate()
        features.deallocate()
        sums.deallocate()
        scratch.deallocate()
    }

    private func freeNeighbors() {
        for buffer in [px, py, pz, weight, slope, harmonic, harmonicGradient, radial] {
            buffer.deallocate()
        }
    }

    private func reserve(_ neededBlocks: Int) {
        guard neededBlocks > capacity else { return }
        freeNeighbors()
        capacity = neededBlocks + neededBlocks / 4 + 4
        func buffer(_ count: Int) -> UnsafeMutablePointer<SIMD4<Double>> {
            let pointer = UnsafeMutablePointer<SIMD4<Double>>.allocate(capacity: count)
            pointer.initialize(repeating: .zero, count: count)
            return pointer
        }
        (px, py, pz) = (buffer(capacity), buffer(capacity), buffer(capacity))
        (weight, slope) = (buffer(capacity), buffer(capacity))
        harmonic = buffer(harmonicCount * capacity)
        harmonicGradient = buffer(gradients ? harmonicCount * 3 * capacity : 0)
        radial = buffer(4 * capacity * (soap.lMax + 1) * soap.blocks)
    }

    /// Finds the sites within the radius `soap.edge` of `center`, including those exactly at this distance.
    func gather(around center: SIMD3<Double>, in sites: Sites) {
        let limit = soap.edge * soap.edge
        reserve((sites.atoms.count + 3) / 4 + speciesCount)
        if neighborAtoms.count < 4 * capacity {
            neighborAtoms = [Int](repeating: 0, count: 4 * capacity)
        }
        func lanes(_ pointer: UnsafeMutablePointer<SIMD4<Double>>) -> UnsafeMutablePointer<Double> {
            UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Double.self)
        }
        let (x, y, z, w, dw) = (lanes(px), lanes(py), lanes(pz), lanes(weight), lanes(slope))
        var next = 0
        for species in 0..<speciesCount {
            next = (next + 3) / 4 * 4
            starts[species] = next
            for site in sites.starts[species]..<sites.starts[species + 1] {
                let offset = sites.positions[site] - center
                let squared = offset.squaredLength
                guard squared <= limit else { continue }
                (x[next], y[next], z[next]) = (offset.x, offset.y, offset.z)
                let distance = squared.squareRoot()
                let (value, derivative) = soap.cutoff.weight(distance, edge: soap.edge)
                (w[next], dw[next]) = (value, distance > 0 ? derivative / distance : 0)
                neighborAtoms[next] = sites.atoms[site]
                next += 1
            }
            ends[species] = next
            for lane in next..<(next + 3) / 4 * 4 {
                (x[lane], y[lane], z[lane], w[lane], dw[lane]) = (0, 0, 0, 0, 0)
                neighborAtoms[lane] = -1
            }
        }
    }

    /// Tabulates the radial and angular functions of the neighbours that `gather` found.
    func tabulate() {
        let row = (soap.lMax + 1) * soap.blocks
        soap.decay.withUnsafeBufferPointer { decay in
            for species in 0..<speciesCount where starts[species] < ends[species] {
                for block in starts[species] / 4..<(ends[species] + 3) / 4 {
                    let (x, y, z) = (px[block], py[block], pz[block])
                    soap.harmonics.evaluate(
                        x: x, y: y, z: z, scratch: scratch, values: harmonic + block,
                        gradient: gradients ? harmonicGradient + block : nil, stride: capacity)
                    let r2 = x * x + y * y + z * z
                    for lane in 0..<min(4, ends[species] - 4 * block) {
                        let output = radial + (4 * block + lane) * row
                        let minus = SIMD4(repeating: -r2[lane])
                        for i in 0..<row { output[i] = exponential(minus * decay[i]) }
                    }
                }
            }
        }
    }

    /// Computes all coefficients from the tabulated functions.
    func expand() {
        soap.contraction.withUnsafeBufferPointer { contraction in
            guard let matrices = contraction.baseAddress else { return }
            for species in 0..<speciesCount {
                guard starts[species] < ends[species] else {
                    clearCoefficients(of: species)
                    continue
                }
                for l in 0...soap.lMax {
                    for lm in l * l..<(l + 1) * (l + 1) {
                        accumulate(l, lm, starts[species], ends[species])
                        contract(lm, species, matrices + l * soap.nMax * soap.blocks)
                    }
                }
            }
        }
    }

    /// Computes sums[lm][k] = Σ_i w_i R_lm(r_i) exp(−A_lk r_i²) over the neighbours `first..<end`, where A_lk is
    /// `SOAP.decay`.
    @inline(__always)
    private func accumulate(_ l: Int, _ lm: Int, _ first: Int, _ end: Int) {
        let (blocks, stride) = (soap.blocks, (soap.lMax + 1) * soap.blocks)
        let angular = UnsafeMutableRawPointer(harmonic + lm * capacity)
            .assumingMemoryBound(to: Double.self)
        let weights = UnsafeMutableRawPointer(weight).assumingMemoryBound(to: Double.self)
        for block in 0..<blocks {
            var sum = SIMD4<Double>.zero
            var exponentials = radial + first * stride + l * blocks + block
            for i in first..<end {
                sum += exponentials[0] * (weights[i] * angular[i])
                exponentials += stride
            }
            sums[lm * blocks + block] = sum
        }
    }

    /// Computes c_nlm = Σ_k P_nk sums[lm][k], where P is `matrix`.
    @inline(__always)
    private func contract(
        _ lm: Int, _ species: Int, _ matrix: UnsafePointer<SIMD4<Double>>
    ) {
        let blocks = soap.blocks
        let sum = UnsafeMutableRawPointer(sums + lm * blocks).assumingMemoryBound(to: Double.self)
        let output = UnsafeMutableRawPointer(
            coefficients + (lm * speciesCount + species) * width)
        for block in 0..<blocks {
            var c = SIMD4<Double>.zero
            for k in 0..<soap.nMax { c += matrix[k * blocks + block] * sum[k] }
            output.storeBytes(of: c, toByteOffset: block * 32, as: SIMD4<Double>.self)
        }
    }

    private func clearCoefficients(of species: Int) {
        for lm in 0..<harmonicCount {
            (coefficients + (lm * speciesCount + species) * width).update(repeating: 0, count: width)
        }
    }

    /// Computes the power spectrum from the coefficients, in the order of the features of `SOAP`.
    func powerSpectrum() {
        let (nMax, row) = (soap.nMax, speciesCount * width)
        var output = UnsafeMutableRawPointer(features)
        for a in 0..<speciesCount {
            for b in a..<speciesCount {
                guard starts[a] < ends[a], starts[b] < ends[b] else {
                    let count = (a == b ? nMax * (nMax + 1) / 2 : nMax * nMax) * (soap.lMax + 1)
                    output.assumingMemoryBound(to: Double.self).update(repeating: 0, count: count)
                    output += 8 * count
                    continue
                }
                for l in 0...soap.lMax {
                    let base = coefficients + l * l * row
                    for n in 0..<nMax {
                        let first = a == b ? n : 0
                        var left = base + a * width + n
                        var right = UnsafeRawPointer(base + b * width + first)
                        let count = nMax - first
                        for block in 0..<(count + 3) / 4 {
                            var sum = SIMD4<Double>.zero
                            for _ in 0...2 * l {
                                sum += right.loadUnaligned(as: SIMD4<Double>.self) * left[0]
                                left += row
                                right += 8 * row
                            }
                            // The next write overwrites the lanes beyond `count`.
                            output.storeBytes(
                                of: sum, toByteOffset: 32 * block, as: SIMD4<Double>.self)
                            left -= (2 * l + 1) * row
                            right += 32 - (2 * l + 1) * 8 * row
                        }
                        output += 8 * count
                    }
                }
            }
        }
    }
}

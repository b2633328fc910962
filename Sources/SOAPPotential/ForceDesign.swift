import Atomistics
import Descriptors
import LinearAlgebra

/// The training equations of one frame: forces and energy as linear functions of the coefficients
/// of the whitened kernel features of its elements; the coefficients of other elements do not contribute.
struct FrameDesign: Sendable {
    /// The ranges of this frame's C columns among the columns of all elements, ascending.
    let columns: [Range<Int>]
    /// The factors of the C coefficients (eV) in the forces (eV/Å), 3N × C: row 3j + axis for that component of the
    /// force on atom j.
    let forces: Matrix
    /// The factors of the C coefficients (eV) in the energy (eV).
    let energy: [Double]

    /// Returns the forces for given coefficients of all elements, eV/Å.
    func forces(_ coefficients: [Double]) -> [Double] {
        product(forces, columns.flatMap { coefficients[$0] })
    }
}

/// A generator of the training equations of frames for a fixed choice of inducing environments.
struct ForceDesign: Sendable {
    let kernels: [ElementKernel]
    /// Number of columns of all elements.
    let columns: Int
    /// The kernels for the elements of the previous frame, as a cache.
    private var current: Restricted?

    /// One element's kernel, prepared for frames with certain elements.
    private struct Share: Sendable {
        let kernel: RestrictedKernel
        let columns: Range<Int>
        /// For each l the matrices V^l (`FeatureSpace.addSymmetricMatrices`) of all M inducing environments, one below
        /// the other: (M · width) × width.
        let matrices: [Matrix]

        init(_ kernel: RestrictedKernel, columns: Range<Int>) {
            self.kernel = kernel
            self.columns = columns
            let (lMax, width) = (kernel.space.soap.lMax, kernel.space.width)
            let size = kernel.count * width * width
            var all = [Double](repeating: 0, count: (lMax + 1) * size)
            for m in 0..<kernel.count {
                kernel.space.addSymmetricMatrices(
                    of: kernel.inducing.row(m), to: &all, at: m * width * width, stride: size)
            }
            matrices = (0...lMax).map { l in
                Matrix(
                    rows: kernel.count * width, columns: width,
                    storage: Array(all[l * size..<(l + 1) * size]))
            }
        }
    }

    private struct Restricted: Sendable {
        let species: [Element]
        let shares: [Share]
    }

    init(_ kernels: [ElementKernel]) {
        self.kernels = kernels
        columns = kernels.reduce(0) { $0 + $1.count }
    }

    /// Returns the training equations of a frame; this is fastest if frames with the same elements follow each other.
    mutating func equations(of atoms: Atoms) throws -> FrameDesign {
        let shares = try shares(of: Set(atoms.elements).sorted())
        let columns = shares.reduce(0) { $0 + $1.columns.count }
        var forces = Matrix(rows: 3 * atoms.count, columns: columns)
        var energy: [Double] = []
        var offset = 0
        for share in shares {
            let block = try Self.block(of: atoms, share.kernel, share.matrices)
            for row in 0..<forces.rows {
                let start = row * columns + offset
                forces.storage.replaceSubrange(
                    start..<start + share.kernel.count, with: block.forces.row(row))
            }
            energy += block.energy
            offset += share.kernel.count
        }
        return FrameDesign(columns: shares.map(\.columns), forces: forces, energy: energy)
    }

    private mutating func shares(of species: [Element]) throws -> [Share] {
        if let current, current.species == species { return current.shares }
        current = nil
        var (offset, shares) = (0, [Share]())
        for kernel in kernels {
            if species.contains(kernel.element) {
                shares.append(
                    Share(try kernel.restricted(to: species), columns: offset..<offset + kernel.count))
            }
            offset += kernel.count
        }
        current = Restricted(species: species, shares: shares)
        return shares
    }

    /// Returns the columns of one element in the training equations of a frame.
    private static func block(of atoms: Atoms, _ kernel: RestrictedKernel, _ matrices: [Matrix]) throws
        -> (forces: Matrix, energy: [Double])
    {
        let soap = kernel.space.soap
        let centers = atoms.elements.indices.filter { atoms.elements[$0] == kernel.element }
        let count = kernel.count
        var forces = Matrix(rows: 3 * atoms.count, columns: count)
        var energy = [Double](repeating: 0, count: count)
        guard !centers.isEmpty else { return (forces, energy) }
        let environments = try SOAPEnvironments(soap, atoms, centers: centers)
        let (rows, lengths) = kernel.space.normalise(environments.features)
        let similarity = product(rows, kernel.inducing, transposeB: true)
        for row in 0..<similarity.rows {
            for m in 0..<count { energy[m] += raise(similarity[row, m], kernel.power) }
        }
        let work = Work(
            kernel: kernel, matrices: matrices, environments: environments, rows: rows, lengths: lengths,
            similarity: similarity)
        // Each thread adds its centres to a separate matrix.
        let shares = min(workerCount, centers.count)
        var partial = [Matrix](
            repeating: Matrix(rows: 3 * atoms.count, columns: count), count: shares)
        partial.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let partial = buffer
            forEachChunk(of: shares) { range in
                for share in range {
                    work.add(
                        centers.count * share / shares..<centers.count * (share + 1) / shares,
                        to: &partial[share])
                }
            }
        }
        for matrix in partial {
            for i in forces.storage.indices { forces.storage[i] += matrix.storage[i] }
        }
        return (
            product(forces, kernel.whitening), product(kernel.whitening, energy, transpose: true)
        )
    }
}

/// The data for the derivatives of one element's kernel in one frame.
private struct Work: Sendable {
    let kernel: RestrictedKernel
    let matrices: [Matrix]
    let environments: SOAPEnvironments
    let rows: Matrix
    let lengths: [Double]
    let similarity: Matrix

    /// Adds the contributions of these centres to the forces.
    func add(_ centers: Range<Int>, to forces: inout Matrix) {
        let (soap, count) = (kernel.space.soap, kernel.count)
        let depth = soap.angularCount * soap.nMax
        var batch: [Matrix] = []
        for index in centers {
            let place = (index - centers.lowerBound) % Self.batch
            if place == 0 {
                let members = index..<min(index + Self.batch, centers.upperBound)
                batch = products(members.map { environments.coefficients(of: $0) })
            }
            let slopes = coefficientSlopes(batch, place, index)
            for block in environments.jacobian(of: index).blocks {
                var byNeighbor = Matrix(rows: block.derivatives.rows, columns: count)
                slopes[block.species].withUnsafeBufferPointer { slopes in
                    block.derivatives.storage.withUnsafeBufferPointer { derivatives in
                        byNeighbor.storage.withUnsafeMutableBufferPointer { output in
                            multiply(
                                m: block.derivatives.rows, n: count, k: depth, derivatives.baseAddress,
                                slopes.baseAddress, transposeB: true, into: output.baseAddress)
                        }
                    }
                }
                add(
                    byNeighbor, neighbors: block.neighbors, center: environments.centers[index],
                    to: &forces)
            }
        }
    }

    /// Returns the derivatives of the kernel values k_m of one centre with respect to its expansion coefficients c: for
    /// each species a matrix M × (lm, n). V_v is the matrix of the vector v (`FeatureSpace.addSymmetricMatrices`), V_m
    /// that of p̂_m, and |q| the length of the weighted power spectrum:
    ///
    ///     k_m = t^ζ, t = p̂·p̂_m:   ∂k_m/∂c = ζ t^(ζ−1)/|q| (V_m c − t V_p̂ c).
    ///
    /// - Parameters:
    ///   - products: V_m c for each l, of all centres of the batch.
    ///   - place: the centre's index in the batch.
    ///   - index: the centre's index in `environments`.
    private func coefficientSlopes(_ products: [Matrix], _ place: Int, _ index: Int) -> [[Double]] {
        let soap = kernel.space.soap
        let (row, length) = (rows.row(index), lengths[index])
        let (coefficients, similarity) = (
            environments.coefficients(of: index), similarity.row(index)
        )
        let (nMax, width, species) = (soap.nMax, kernel.space.width, soap.species.count)
        let (count, angular) = (kernel.count, soap.angularCount)
        let depth = angular * nMax
        let factors = similarity.map { Double(kernel.power) * raise($0, kernel.power - 1) / length }
        var own = [Double](repeating: 0, count: (soap.lMax + 1) * width * width)
        kernel.space.addSymmetricMatrices(of: row, to: &own, at: 0, stride: width * width)
        var result = [[Double]](
            repeating: [Double](repeating: 0, count: count * depth), count: species)
        for l in 0...soap.lMax {
            let order = 2 * l + 1
            var c = Matrix(rows: order, columns: width)
            Self.unpack(coefficients, soap, l, into: &c, from: 0)
            let all = products[l]
            let first = place * order * count * width
            let mine = product(
                c,
                Matrix(
                    rows: width, columns: width,
                    storage: Array(own[l * width * width..<(l + 1) * width * width])))
            for s in 0..<species {
                result[s].withUnsafeMutableBufferPointer { output in
                    all.storage.withUnsafeBufferPointer { all in
                        mine.storage.withUnsafeBufferPointer { mine in
                            for m in 0..<order {
                                let own = m * width + s * nMax
                                for i in 0..<count {
                                    let (f, t) = (factors[i], similarity[similarity.startIndex + i])
                                    let from = first + (m * count + i) * width + s * nMax
                                    let to = i * depth + (l * l + m) * nMax
                                    for n in 0..<nMax {
                                        output[to + n] = f * (all[from + n] - t * mine[own + n])
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    /// Number of centres whose coefficients are multiplied by `matrices` in one matrix product.
    private static let batch = 16

    /// Returns V_m c for the coefficients c of several centres and the matrices V_m of all inducing environments, as
    /// one matrix for each l: row (centre, m of the harmonic), column (inducing environment, compound index).
    private func products(_ coefficients: [[Double]]) -> [Matrix] {
        let soap = kernel.space.soap
        return (0...soap.lMax).map { l in
            let order = 2 * l + 1
            var c = Matrix(rows: order * coefficients.count, columns: kernel.space.width)
            for (place, values) in coefficients.enumerated() {
                Self.unpack(values, soap, l, into: &c, from: place * order)
            }
            return product(c, matrices[l], transposeB: true)
        }
    }

    /// Copies the coefficients of one centre for one l to 2l + 1 rows of `c`: one row for each m, one column for each
    /// compound index species · n_max + n.
    private static func unpack(
        _ coefficients: [Double], _ soap: SOAP, _ l: Int, into c: inout Matrix, from row: Int
    ) {
        for s in 0..<soap.species.count {
            for m in 0...2 * l {
                for n in 0..<soap.nMax {
                    c[row + m, s * soap.nMax + n] =
                        coefficients[(s * soap.angularCount + l * l + m) * soap.nMax + n]
                }
            }
        }
    }

    /// Adds the forces due to one centre, the negative gradient of its kernel values k: −∂k/∂r_j on each neighbour j,
    /// and the opposite on the centre.
    private func add(
        _ byNeighbor: Matrix, neighbors: [Int], center: Int, to forces: inout Matrix
    ) {
        let count = byNeighbor.columns
        forces.storage.withUnsafeMutableBufferPointer { forces in
            byNeighbor.storage.withUnsafeBufferPointer { gradient in
                for (i, neighbor) in neighbors.enumerated() where neighbor != center {
                    for axis in 0..<3 {
                        let from = (3 * i + axis) * count
                        let (onNeighbor, onCenter) = (
                            (3 * neighbor + axis) * count, (3 * center + axis) * count
                        )
                        for m in 0..<count {
                            forces[onNeighbor + m] -= gradient[from + m]
                            forces[onCenter + m] += gradient[from + m]
                        }
                    }
                }
            }
        }
    }
}

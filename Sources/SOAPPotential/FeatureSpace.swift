import Atomistics
import Descriptors
import LinearAlgebra

/// The normalised power spectra of the kernel. A feature that represents two equal components of the full
/// power-spectrum tensor is weighted by √2, then the vector is normalised to length 1.
struct FeatureSpace: Sendable {
    let soap: SOAP
    /// The settings from which `soap` was made. Among spaces for the same species, those with equal settings are equal.
    let id: SOAPSettings
    /// Weight of each feature: 1, or √2 if the feature represents two equal components.
    let weights: [Double]
    /// For each feature its l and its two compound indices a and b; a compound index is species · n_max + n.
    private let pairs: [(a: Int, b: Int, l: Int)]

    /// Number of compound indices species · n_max + n.
    var width: Int { soap.species.count * soap.nMax }

    init(_ soap: SOAP, id: SOAPSettings) {
        (self.soap, self.id) = (soap, id)
        var (weights, pairs) = ([Double](), [(a: Int, b: Int, l: Int)]())
        for s in 0..<soap.species.count {
            for t in s..<soap.species.count {
                for l in 0...soap.lMax {
                    for n in 0..<soap.nMax {
                        for k in (s == t ? n : 0)..<soap.nMax {
                            let (a, b) = (s * soap.nMax + n, t * soap.nMax + k)
                            pairs.append((a, b, l))
                            weights.append(a == b ? 1 : 2.0.squareRoot())
                        }
                    }
                }
            }
        }
        (self.weights, self.pairs) = (weights, pairs)
    }

    /// Returns the normalised rows p̂, and the lengths of the weighted rows before normalisation.
    func normalise(_ features: Matrix) -> (rows: Matrix, lengths: [Double]) {
        var rows = features
        var lengths = [Double](repeating: 0, count: rows.rows)
        let count = rows.columns
        rows.storage.withUnsafeMutableBufferPointer { values in
            lengths.withUnsafeMutableBufferPointer { lengths in
                weights.withUnsafeBufferPointer { weights in
                    nonisolated(unsafe) let (values, lengths, weights) = (values, lengths, weights)
                    forEachChunk(of: lengths.count, minimum: 16) { range in
                        for i in range {
                            let row = UnsafeMutableBufferPointer(
                                rebasing: values[i * count..<(i + 1) * count])
                            var squared = SIMD4<Double>.zero
                            for f in 0..<count {
                                row[f] *= weights[f]
                                squared[f & 3] += row[f] * row[f]
                            }
                            // The length is not zero, because the centre is part of its own environment.
                            lengths[i] = squared.sum().squareRoot()
                            let scale = 1 / lengths[i]
                            for f in 0..<count { row[f] *= scale }
                        }
                    }
                }
            }
        }
        return (rows, lengths)
    }

    /// Adds the symmetric matrices V^l of a vector v of this space. They are defined by ∂(v·q)/∂c^l = V^l c^l, where q
    /// is the weighted power spectrum and c^l are the expansion coefficients. Each matrix is width×width; the one of l
    /// is added at `offset + l · stride`.
    func addSymmetricMatrices(
        of v: ArraySlice<Double>, to output: inout [Double], at offset: Int, stride: Int
    ) {
        for (f, pair) in pairs.enumerated() {
            let value = v[v.startIndex + f] * weights[f]
            let base = offset + pair.l * stride
            output[base + pair.a * width + pair.b] += value
            output[base + pair.b * width + pair.a] += value
        }
    }
}

/// Returns base^power for a small integer power ≥ 0.
@inline(__always)
func raise(_ base: Double, _ power: Int) -> Double {
    var (result, square, rest) = (1.0, base, power)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}

extension FeatureSpace {
    /// Converts each row of `gradient` from g = ∂E/∂p̂ to ∂E/∂p_f = w_f (g_f − (g·p̂) p̂_f)/|q|, where w are the
    /// ``weights`` and |q| is the length of the weighted row before normalisation.
    func pullBack(_ gradient: inout Matrix, rows: Matrix, lengths: [Double]) {
        let count = rows.columns
        gradient.storage.withUnsafeMutableBufferPointer { gradient in
            rows.storage.withUnsafeBufferPointer { rows in
                weights.withUnsafeBufferPointer { weights in
                    nonisolated(unsafe) let (gradient, rows, weights) = (gradient, rows, weights)
                    forEachChunk(of: lengths.count, minimum: 16) { range in
                        for i in range {
                            let (g, p) = (
                                UnsafeMutableBufferPointer(rebasing: gradient[i * count..<(i + 1) * count]),
                                UnsafeBufferPointer(rebasing: rows[i * count..<(i + 1) * count])
                            )
                            var along = SIMD4<Double>.zero
                            for f in 0..<count { along[f & 3] += g[f] * p[f] }
                            let (dot, scale) = (along.sum(), 1 / lengths[i])
                            for f in 0..<count { g[f] = (g[f] - dot * p[f]) * weights[f] * scale }
                        }
                    }
                }
            }
        }
    }
}

extension FeatureSpace {
    /// The first index and the number of the features of each pair of species.
    private var blocks: [(pair: [Element], start: Int, count: Int)] {
        var (result, start) = ([(pair: [Element], start: Int, count: Int)](), 0)
        for (s, first) in soap.species.enumerated() {
            for second in soap.species[s...] {
                let pairs = first == second ? soap.nMax * (soap.nMax + 1) / 2 : soap.nMax * soap.nMax
                let count = pairs * (soap.lMax + 1)
                result.append(([first, second], start, count))
                start += count
            }
        }
        return result
    }

    /// Copies the features that this space shares with another one of the same descriptor.
    ///
    /// - Parameters:
    ///   - rows: N×F of this space.
    ///   - other: the space of `output`.
    ///   - output: receives the rows from `firstRow` on; its other features are unchanged.
    func copy(_ rows: Matrix, to other: FeatureSpace, into output: inout Matrix, firstRow: Int = 0) {
        let places = Dictionary(uniqueKeysWithValues: other.blocks.map { ($0.pair, $0.start) })
        let (columns, count) = (output.columns, rows.rows)
        output.storage.withUnsafeMutableBufferPointer { output in
            rows.storage.withUnsafeBufferPointer { input in
                for block in blocks {
                    guard let place = places[block.pair] else { continue }
                    for row in 0..<count {
                        let (from, to) = (
                            row * rows.columns + block.start, (firstRow + row) * columns + place
                        )
                        for i in 0..<block.count { output[to + i] = input[from + i] }
                    }
                }
            }
        }
    }
}

/// Selects farthest points in kernel space: first the row closest to the mean, then always the row whose largest p̂·p̂'
/// with the selected rows is smallest. In case of a tie the first row is selected.
///
/// - Parameters:
///   - groups: rows of length 1, each group in its own space.
///   - full: a space with the features of all groups.
/// - Returns: for each group, ascending indices, at most `count` rows in all; fewer if the rest are
///   copies.
/// - Complexity: 2 N F count floating-point operations.
func farthestPoints(_ groups: [InducingEnvironments.Group], in full: FeatureSpace, count: Int) -> [[Int]] {
    let total = groups.reduce(0) { $0 + $1.rows.rows }
    var chosen = groups.map { _ in [Int]() }
    guard total > 0, count > 0 else { return chosen }
    /// Returns the products of all rows with one vector of the full space.
    func products(_ vector: Matrix) -> [[Double]] {
        groups.map { group in
            var own = Matrix(rows: 1, columns: group.space.soap.featureCount)
            full.copy(vector, to: group.space, into: &own)
            return product(group.rows, own.storage)
        }
    }
    var sum = Matrix(rows: 1, columns: full.soap.featureCount)
    for group in groups {
        let ones = [Double](repeating: 1, count: group.rows.rows)
        var own = Matrix(rows: 1, columns: full.soap.featureCount)
        let mine = Matrix(
            rows: 1, columns: group.rows.columns, storage: product(group.rows, ones, transpose: true))
        group.space.copy(mine, to: full, into: &own)
        for i in sum.storage.indices { sum.storage[i] += own.storage[i] }
    }
    /// Returns the index of the largest value.
    func largest(_ values: [[Double]]) -> (group: Int, row: Int) {
        var best = (group: 0, row: 0, value: -Double.infinity)
        for (group, values) in values.enumerated() {
            for (row, value) in values.enumerated() where value > best.value { best = (group, row, value) }
        }
        return (best.group, best.row)
    }
    var next = largest(products(sum))
    var nearest = groups.map { [Double](repeating: -.infinity, count: $0.rows.rows) }
    for _ in 0..<min(count, total) {
        chosen[next.group].append(next.row)
        let group = groups[next.group]
        var vector = Matrix(rows: 1, columns: full.soap.featureCount)
        group.space.copy(
            Matrix(
                rows: 1, columns: group.rows.columns, storage: Array(group.rows.row(next.row))),
            to: full, into: &vector)
        for (index, similarity) in products(vector).enumerated() {
            for i in similarity.indices { nearest[index][i] = max(nearest[index][i], similarity[i]) }
        }
        next = largest(nearest.map { $0.map { -$0 } })
        if nearest[next.group][next.row] > 1 - 1e-12 { break }
    }
    return chosen.map { $0.sorted() }
}

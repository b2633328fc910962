public import LinearAlgebra

/// Selects points that cover a set: each next point is the farthest one from all previous points (RS-maximin).
///
///     i_{k+1} = argmax_i min_{j ≤ k} ‖x_i − x_{i_j}‖₂
///
/// Ties go to the lowest index. A point nearer than `separation` to a selected one is never selected, so fewer than
/// `count` points are returned if the set has fewer distinct points. A set may have duplicates, or atoms of a symmetric
/// structure whose descriptors differ only by rounding. A selection of K points is the beginning of every longer
/// selection.
///
/// If N² distances fit into memory, they are computed once, by a matrix product. Otherwise the triangle inequality
/// saves distances: if d(new, nearest(i)) ≥ 2 d(i, nearest(i)), point i keeps its nearest selected point, and its
/// distance to the new one is not computed.
///
/// - Parameters:
///   - x: N×F, scaled.
///   - count: the number of points to select.
///   - start: the first point.
///   - separation: distance below which two points count as identical.
/// - Returns: row indices in order of selection.
/// - Complexity: at most N·`count`·F multiply-adds.
/// - Source: Gonzalez, Theor. Comput. Sci. 38, 293 (1985); Hämäläinen et al., JMLR 21 (239), 1 (2020).
public func maximinSelection(
    of x: Matrix, count: Int, start: MaximinStart = .closestToMean, separation: Double = 1e-6
) -> [Int] {
    let n = x.rows
    guard n > 0, count > 0 else { return [] }
    if n <= 8192 {
        return selection(
            among: distances(among: x), count: count, from: startIndex(x, start),
            separation: separation)
    }
    return pass(over: x, count: count, from: startIndex(x, start), separation: separation)
}

/// Selects points as `maximinSelection` does, with one pass over all points per selected point. It uses a copy in
/// single precision, because a pass is limited by memory bandwidth. Distances are computed from differences, so they
/// are correct to 10⁻⁶. Whether two points are identical is decided in double precision.
private func pass(over x: Matrix, count: Int, from start: Int, separation: Double) -> [Int] {
    let n = x.rows
    var selected = [start]
    var nearest = [Int](repeating: 0, count: n)  // position in `selected`
    var distance = [Float](repeating: .infinity, count: n)
    let single = x.storage.map { Float($0) }
    single.withUnsafeBufferPointer { storage in
        let points = Cloud(base: storage.baseAddress, features: x.columns)
        while true {
            let newest = selected.count - 1
            let chosen = selected[newest]
            let toSelected = selected.dropLast().map { points.distance($0, chosen) }
            distance.withUnsafeMutableBufferPointer { distance in
                nearest.withUnsafeMutableBufferPointer { nearest in
                    // Threads write disjoint ranges.
                    nonisolated(unsafe) let (distance, nearest) = (distance, nearest)
                    forEachChunk(of: n, minimum: 64) { range in
                        for i in range {
                            let (current, owner) = (distance[i], nearest[i])
                            if newest > 0, owner < newest, toSelected[owner] >= 2 * current { continue }
                            let candidate = points.distance(i, chosen)
                            if candidate < current { (distance[i], nearest[i]) = (candidate, newest) }
                        }
                    }
                }
            }
            guard selected.count < count else { return }
            var farthest = 0
            while true {
                farthest = 0
                for i in 1..<n where distance[i] > distance[farthest] { farthest = i }
                guard distance[farthest] > 0 else { return }
                if isSeparate(x, farthest, selected[nearest[farthest]], separation) { break }
                distance[farthest] = 0
            }
            selected.append(farthest)
        }
    }
    return selected
}

private func isSeparate(_ x: Matrix, _ i: Int, _ j: Int, _ separation: Double) -> Bool {
    x.storage.withUnsafeBufferPointer { storage in
        guard let base = storage.baseAddress else { return false }
        let squared = squaredDistance(base + i * x.columns, base + j * x.columns, x.columns)
        return squared.squareRoot() > separation
    }
}

/// Selects points as `maximinSelection` does, from the distances of all pairs.
private func selection(
    among d: Matrix, count: Int, from start: Int, separation: Double
) -> [Int] {
    var selected = [start]
    var nearest = Array(d.row(start))
    while selected.count < count {
        var farthest = 0
        for i in nearest.indices where nearest[i] > nearest[farthest] { farthest = i }
        guard nearest[farthest] > separation else { break }
        selected.append(farthest)
        for (i, distance) in zip(nearest.indices, d.row(farthest)) where distance < nearest[i] {
            nearest[i] = distance
        }
    }
    return selected
}

private struct Cloud: @unchecked Sendable {
    let base: UnsafePointer<Float>?
    let features: Int

    func distance(_ i: Int, _ j: Int) -> Float {
        guard let base else { return 0 }
        let (a, b) = (UnsafeRawPointer(base + i * features), UnsafeRawPointer(base + j * features))
        // With two sums, an addition does not have to wait for the previous one.
        var (sum, other, k) = (SIMD8<Float>.zero, SIMD8<Float>.zero, 0)
        while k + 16 <= features {
            let first =
                a.loadUnaligned(fromByteOffset: 4 * k, as: SIMD8<Float>.self)
                - b.loadUnaligned(fromByteOffset: 4 * k, as: SIMD8<Float>.self)
            let second =
                a.loadUnaligned(fromByteOffset: 4 * k + 32, as: SIMD8<Float>.self)
                - b.loadUnaligned(fromByteOffset: 4 * k + 32, as: SIMD8<Float>.self)
            sum += first * first
            other += second * second
            k += 16
        }
        var total = (sum + other).sum()
        while k < features {
            let difference = base[i * features + k] - base[j * features + k]
            total += difference * difference
            k += 1
        }
        return total.squareRoot()
    }
}

private func startIndex(_ x: Matrix, _ start: MaximinStart) -> Int {
    switch start {
    case .index(let i):
        precondition(x.storage.isEmpty || (0..<x.rows).contains(i), "the start is the index of a row")
        return i
    case .random(let seed):
        var generator = SplitMix(seed: seed)
        return Int(generator.next() % UInt64(x.rows))
    case .closestToMean, .farthestFromMean:
        var mean = Matrix(rows: 1, columns: x.columns)
        for i in 0..<x.rows {
            for (k, value) in zip(0..<x.columns, x.row(i)) { mean[0, k] += value }
        }
        for k in 0..<x.columns { mean[0, k] /= Double(x.rows) }
        let squared = (0..<x.rows).map { i in
            zip(x.row(i), mean.storage).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        var best = 0
        for i in squared.indices
        where start == .closestToMean ? squared[i] < squared[best] : squared[i] > squared[best] {
            best = i
        }
        return best
    }
}

/// The first point of a farthest-first traversal.
public enum MaximinStart: Sendable, Equatable {
    /// The point nearest to the mean of all points.
    case closestToMean
    /// The point farthest from the mean of all points.
    case farthestFromMean
    case index(Int)
    /// A random point from a generator with this seed (SplitMix64).
    case random(seed: UInt64)
}

extension MaximinStart: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let start = MaximinStart(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not a start of a maximin selection")
        }
        self = start
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension MaximinStart: LosslessStringConvertible {
    /// Reads `closest-to-mean`, `farthest-from-mean`, `index:7` or `random:1`; returns nil for other texts.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first, parts.count) {
        case ("closest-to-mean", 1): self = .closestToMean
        case ("farthest-from-mean", 1): self = .farthestFromMean
        case ("index", 2):
            guard let index = Int(parts[1]), index >= 0 else { return nil }
            self = .index(index)
        case ("random", 2):
            guard let seed = UInt64(parts[1]) else { return nil }
            self = .random(seed: seed)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .closestToMean: "closest-to-mean"
        case .farthestFromMean: "farthest-from-mean"
        case .index(let index): "index:\(index)"
        case .random(let seed): "random:\(seed)"
        }
    }
}

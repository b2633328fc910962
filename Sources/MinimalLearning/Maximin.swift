public import LinearAlgebra

/// Points that cover a set: each next one is the farthest from all before it (RS-maximin).
///
///     i_{k+1} = argmax_i min_{j ≤ k} ‖x_i − x_{i_j}‖₂
///
/// Ties go to the lowest index. A point nearer than `separation` to a selected one is never taken, so
/// fewer than `count` come back where the set holds fewer distinct points: duplicates, and atoms of a
/// symmetric structure whose descriptors differ by rounding only. The first K of a longer selection are
/// the selection of K.
///
/// Where N² distances fit in memory they are formed once, by a matrix product. Beyond, a point is skipped without computing its distance where the triangle inequality already says that it
/// is nearer to its present neighbour: d(new, nearest(i)) ≥ 2 d(i, nearest(i)).
///
/// - Parameters:
///   - x: N×F, scaled.
///   - count: how many to select.
///   - separation: distance below which two points count as one.
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
    var selected = [startIndex(x, start)]
    var nearest = [Int](repeating: 0, count: n)  // position in `selected`
    var distance = [Double](repeating: .infinity, count: n)
    x.storage.withUnsafeBufferPointer { storage in
        let features = x.columns
        let points = Cloud(base: storage.baseAddress, features: features)
        var toSelected: [Double] = []
        while true {
            let newest = selected.count - 1
            let chosen = selected[newest]
            toSelected = selected.dropLast().map { points.distance($0, chosen) }
            distance.withUnsafeMutableBufferPointer { distance in
                nearest.withUnsafeMutableBufferPointer { nearest in
                    let state = Neighbours(distance: Rows(distance), nearest: nearest.baseAddress)
                    let known = toSelected
                    forEachChunk(of: n, minimum: 64) { range in
                        for i in range {
                            let current = state.distance[i]
                            let owner = state[i]
                            if newest > 0, owner < newest, known[owner] >= 2 * current { continue }
                            let candidate = points.distance(i, chosen)
                            if candidate < current {
                                state.distance[i] = candidate
                                state[i] = newest
                            }
                        }
                    }
                }
            }
            guard selected.count < count else { return }
            var farthest = 0
            for i in 1..<max(1, n) where distance[i] > distance[farthest] { farthest = i }
            guard distance[farthest] > separation else { return }
            selected.append(farthest)
        }
    }
    return selected
}

/// The same from all distances.
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
    let base: UnsafePointer<Double>?
    let features: Int

    func distance(_ i: Int, _ j: Int) -> Double {
        guard let base else { return 0 }
        return squaredDistance(base + i * features, base + j * features, features).squareRoot()
    }
}

/// Each point's nearest selected point and the distance to it; threads write disjoint places.
private struct Neighbours: @unchecked Sendable {
    let distance: Rows
    let nearest: UnsafeMutablePointer<Int>?

    subscript(i: Int) -> Int {
        get { nearest.unsafelyUnwrapped[i] }
        nonmutating set { nearest.unsafelyUnwrapped[i] = newValue }
    }
}

private func startIndex(_ x: Matrix, _ start: MaximinStart) -> Int {
    switch start {
    case .index(let i):
        precondition(x.storage.isEmpty || (0..<x.rows).contains(i), "the start is a row")
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

import Foundation

/// Returns indices of frames of a long run, denser towards its end: N − u for the distinct integers u nearest to M
/// points that are equally spaced in the logarithm from 1 to N, with the smallest M that gives enough frames.
///
/// - Parameters:
///   - total: N, the number of frames of the run.
///   - count: the number of requested frames; if it is N or more, all frames.
/// - Returns: ascending 0-based indices.
/// - Source: section III.A of the paper, which gives no formula.
public func logarithmicSample(of total: Int, count: Int) -> [Int] {
    guard count < total else { return Array(0..<total) }
    guard count > 1 else { return count < 1 ? [] : [total - 1] }
    func distances(_ points: Int) -> [Int] {
        let step = log(Double(total)) / Double(points - 1)
        var result: [Int] = []
        for i in 0..<points {
            let u = min(total, Int(exp(Double(i) * step).rounded(.toNearestOrEven)))
            if result.last != u { result.append(u) }
        }
        return result
    }
    var (low, high) = (count, 2 * count)
    while distances(high).count < count { (low, high) = (high, 2 * high) }
    while low < high {
        let middle = (low + high) / 2
        if distances(middle).count < count { low = middle + 1 } else { high = middle }
    }
    return distances(high).prefix(count).reversed().map { total - $0 }
}

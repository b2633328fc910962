import Descriptors
import LinearAlgebra

/// Farthest-point selection in kernel space: starts with the row closest to the mean, then always
/// takes the row whose largest p̂·p̂' to the selected ones is smallest. Ties go to the first.
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
    /// Products of all rows with one vector of the full space.
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
    /// Index of the largest value.
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

import LinearAlgebra

/// Farthest-point choice in kernel space: from the row closest to the mean on, always the row whose
/// largest p̂·p̂' to those already taken is smallest. Ties go to the lower index.
///
/// - Parameter rows: N×F, each of length 1.
/// - Returns: at most `count` distinct row indices, in the order of choice; fewer where the rest are copies.
/// - Complexity: 2 N F count floating-point operations.
func farthestPoints(_ rows: Matrix, count: Int) -> [Int] {
    guard rows.rows > 0, count > 0 else { return [] }
    let ones = [Double](repeating: 1, count: rows.rows)
    let toMean = product(rows, product(rows, ones, transpose: true))
    var next = toMean.indices.reduce(0) { toMean[$1] > toMean[$0] ? $1 : $0 }
    var nearest = [Double](repeating: -.infinity, count: rows.rows)
    var chosen: [Int] = []
    while chosen.count < min(count, rows.rows) {
        chosen.append(next)
        let similarity = product(rows, Array(rows.row(next)))
        for i in nearest.indices { nearest[i] = max(nearest[i], similarity[i]) }
        next = nearest.indices.reduce(0) { nearest[$1] < nearest[$0] ? $1 : $0 }
        if nearest[next] > 1 - 1e-12 { break }
    }
    return chosen
}

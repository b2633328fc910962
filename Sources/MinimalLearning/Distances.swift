public import LinearAlgebra

/// Computes the distances from every row of X to every row of Q.
///
///     D_ij = ‖x_i − q_j‖₂
///
/// The expansion ‖x‖² + ‖q‖² − 2 x·q loses digits if x ≈ q, so pairs that are close compared with
/// their lengths are computed again from their differences.
///
/// - Parameters:
///   - x: N×F, row-major.
///   - q: K×F, same scaling.
///   - squaredLengths: ‖q_j‖² if the caller has them, else they are computed.
/// - Returns: N×K, same unit as the rows.
/// - Complexity: one N×F×K matrix product, in double precision.
/// - Source: Kärkkäinen, Neurocomputing 342, 33 (2019).
public func distances(_ x: Matrix, to q: Matrix, squaredLengths: [Double]? = nil) -> Matrix {
    precondition(x.columns == q.columns, "all rows have the same length")
    let qq = squaredLengths ?? squaredRowLengths(q)
    return q.storage.withUnsafeBufferPointer { buffer in
        qq.withUnsafeBufferPointer { distances(x, to: buffer, squaredLengths: $0) }
    }
}

/// The same for references in a buffer, K×F row-major, and their squared lengths.
public func distances(
    _ x: Matrix, to q: UnsafeBufferPointer<Double>, squaredLengths qq: UnsafeBufferPointer<Double>
) -> Matrix {
    precondition(
        q.count == qq.count * x.columns, "all rows have the same length, one squared length per reference")
    var d = Matrix(rows: x.rows, columns: qq.count)
    let xx = squaredRowLengths(x)
    x.storage.withUnsafeBufferPointer { x in
        xx.withUnsafeBufferPointer { xx in
            d.storage.withUnsafeMutableBufferPointer { d in
                multiply(
                    m: xx.count, n: qq.count, k: x.count / max(1, xx.count), alpha: -2,
                    x.baseAddress, transposeA: false, q.baseAddress, transposeB: true,
                    into: d.baseAddress)
                finishDistances(Rows(d), Points(x, xx), Points(q, qq), symmetric: false)
            }
        }
    }
    return d
}

/// Returns the distances between the rows of X: N×N, symmetric, with a diagonal of exact zeros.
///
/// - Complexity: N²F floating-point operations.
public func distances(among x: Matrix) -> Matrix {
    var d = Matrix(rows: x.rows, columns: x.rows)
    addGram(of: x.transposed, scaledBy: -2, into: &d)
    let xx = squaredRowLengths(x)
    d.storage.withUnsafeMutableBufferPointer { d in
        x.storage.withUnsafeBufferPointer { x in
            xx.withUnsafeBufferPointer { xx in
                let points = Points(x, xx)
                finishDistances(Rows(d), points, points, symmetric: true)
            }
        }
    }
    return d
}

/// ‖x_i‖² of every row.
public func squaredRowLengths(_ x: Matrix) -> [Double] {
    var result = [Double](repeating: 0, count: x.rows)
    x.storage.withUnsafeBufferPointer { x in
        let n = result.isEmpty ? 0 : x.count / result.count
        for i in result.indices { result[i] = squaredLength(x.baseAddress.map { $0 + i * n }, n) }
    }
    return result
}

/// Below this fraction of ‖x‖² + ‖q‖², a squared distance is computed from differences: the
/// expansion would keep fewer than about ten digits of it.
private let nearness = 1e-5

/// A mutable buffer in which threads fill disjoint ranges.
struct Rows: @unchecked Sendable {
    let base: UnsafeMutablePointer<Double>?
    init(_ buffer: UnsafeMutableBufferPointer<Double>) { base = buffer.baseAddress }
    subscript(i: Int) -> Double {
        get { base.unsafelyUnwrapped[i] }
        nonmutating set { base.unsafelyUnwrapped[i] = newValue }
    }
}

/// Rows in a buffer with their squared lengths, which several threads read.
private struct Points: @unchecked Sendable {
    let base: UnsafePointer<Double>?
    let squaredLengths: UnsafeBufferPointer<Double>
    let features: Int

    init(_ rows: UnsafeBufferPointer<Double>, _ squaredLengths: UnsafeBufferPointer<Double>) {
        base = rows.baseAddress
        self.squaredLengths = squaredLengths
        features = rows.count / max(1, squaredLengths.count)
    }

    subscript(i: Int) -> UnsafePointer<Double> { base.unsafelyUnwrapped + i * features }
}

/// Turns −2 x·q into ‖x − q‖.
private func finishDistances(_ d: Rows, _ x: Points, _ q: Points, symmetric: Bool) {
    let (columns, features) = (q.squaredLengths.count, x.features)
    forEachChunk(of: x.squaredLengths.count, minimum: max(1, 20_000 / max(1, columns))) { rows in
        for i in rows {
            let xx = x.squaredLengths[i]
            for j in 0..<columns {
                let scale = xx + q.squaredLengths[j]
                var squared = d[i * columns + j] + scale
                if squared < nearness * scale, features > 0 {
                    squared = symmetric && i == j ? 0 : squaredDistance(x[i], q[j], features)
                }
                d[i * columns + j] = max(0, squared).squareRoot()
            }
            if symmetric { d[i * columns + i] = 0 }
        }
    }
}

func squaredDistance(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ n: Int) -> Double {
    var (sum, i) = (SIMD4<Double>.zero, 0)
    while i + 4 <= n {
        let difference = load4(a + i) - load4(b + i)
        sum += difference * difference
        i += 4
    }
    var total = sum.sum()
    while i < n {
        total += (a[i] - b[i]) * (a[i] - b[i])
        i += 1
    }
    return total
}

private func squaredLength(_ a: UnsafePointer<Double>?, _ n: Int) -> Double {
    guard let a else { return 0 }
    var (sum, i) = (SIMD4<Double>.zero, 0)
    while i + 4 <= n {
        let value = load4(a + i)
        sum += value * value
        i += 4
    }
    var total = sum.sum()
    while i < n {
        total += a[i] * a[i]
        i += 1
    }
    return total
}

@inline(__always)
func load4(_ p: UnsafePointer<Double>) -> SIMD4<Double> {
    UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Double>.self)
}

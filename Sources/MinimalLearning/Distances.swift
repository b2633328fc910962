public import LinearAlgebra

/// Distances from every row of X to every row of Q.
///
///     D_ij = ‖x_i − q_j‖₂
///
/// The expansion ‖x‖² + ‖q‖² − 2 x·q loses digits where x ≈ q, so pairs that are close by comparison
/// with their lengths are computed again from their differences.
///
/// - Parameters:
///   - x: N×F, row-major.
///   - q: K×F, same scaling.
///   - squaredLengths: ‖q_j‖² where the caller keeps them, else computed.
/// - Returns: N×K, same unit as the rows.
/// - Complexity: one N×F×K matrix product, in double precision.
/// - Source: Kärkkäinen, Neurocomputing 342, 33 (2019).
public func distances(_ x: Matrix, to q: Matrix, squaredLengths: [Double]? = nil) -> Matrix {
    precondition(x.columns == q.columns, "rows of one length")
    var d = Matrix(rows: x.rows, columns: q.rows)
    multiply(x, q, transposeB: true, alpha: -2, into: &d)
    let (xx, qq) = (squaredRowLengths(x), squaredLengths ?? squaredRowLengths(q))
    precondition(qq.count == q.rows, "one squared length a reference")
    d.storage.withUnsafeMutableBufferPointer { d in
        finishDistances(Rows(d), x: x, q: q, xx, qq, symmetric: false)
    }
    return d
}

/// Distances between the rows of X: N×N, symmetric, its diagonal exactly zero.
///
/// - Complexity: N²F floating-point operations.
public func distances(among x: Matrix) -> Matrix {
    var d = Matrix(rows: x.rows, columns: x.rows)
    addGram(of: x.transposed, scaledBy: -2, into: &d)
    let xx = squaredRowLengths(x)
    d.storage.withUnsafeMutableBufferPointer { d in
        finishDistances(Rows(d), x: x, q: x, xx, xx, symmetric: true)
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

/// Below this fraction of ‖x‖² + ‖q‖², a squared distance is formed from differences: there the expansion
/// would keep fewer than about ten digits of it.
private let nearness = 1e-5

/// A mutable buffer that threads fill at disjoint places.
struct Rows: @unchecked Sendable {
    let base: UnsafeMutablePointer<Double>?
    init(_ buffer: UnsafeMutableBufferPointer<Double>) { base = buffer.baseAddress }
    subscript(i: Int) -> Double {
        get { base.unsafelyUnwrapped[i] }
        nonmutating set { base.unsafelyUnwrapped[i] = newValue }
    }
}

/// Turns −2 x·q into ‖x − q‖.
private func finishDistances(
    _ d: Rows, x: Matrix, q: Matrix, _ xx: [Double], _ qq: [Double], symmetric: Bool
) {
    let (columns, features) = (q.rows, x.columns)
    forEachChunk(of: x.rows, minimum: max(1, 20_000 / max(1, columns))) { rows in
        x.storage.withUnsafeBufferPointer { x in
            q.storage.withUnsafeBufferPointer { q in
                qq.withUnsafeBufferPointer { qq in
                    for i in rows {
                        for j in 0..<columns {
                            let scale = xx[i] + qq[j]
                            var squared = d[i * columns + j] + scale
                            if squared < nearness * scale, features > 0 {
                                squared =
                                    symmetric && i == j
                                    ? 0
                                    : squaredDistance(
                                        x.baseAddress.unsafelyUnwrapped + i * features,
                                        q.baseAddress.unsafelyUnwrapped + j * features, features)
                            }
                            d[i * columns + j] = max(0, squared).squareRoot()
                        }
                        if symmetric { d[i * columns + i] = 0 }
                    }
                }
            }
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

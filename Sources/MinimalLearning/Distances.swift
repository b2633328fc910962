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
///   - squaredLengths: ‖q_j‖² of each row. Nil means that they are computed.
/// - Returns: N×K, same unit as the rows.
/// - Complexity: one N×F×K matrix product, in double precision.
/// - Source: Kärkkäinen, Neurocomputing 342, 33 (2019).
public func distances(_ x: Matrix, to q: Matrix, squaredLengths: [Double]? = nil) -> Matrix {
    precondition(x.columns == q.columns, "all rows have the same length")
    let (xx, qq) = (squaredRowLengths(x), squaredLengths ?? squaredRowLengths(q))
    precondition(qq.count == q.rows, "one squared length per reference")
    var d = Matrix(rows: x.rows, columns: q.rows)
    withPoints(x, xx) { x in
        withPoints(q, qq) { q in
            d.storage.withUnsafeMutableBufferPointer { d in
                multiply(
                    m: xx.count, n: qq.count, k: x.features, alpha: -2, x.base, transposeA: false, q.base,
                    transposeB: true, into: d.baseAddress)
                finishDistances(Rows(d), x, q, symmetric: false)
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
        withPoints(x, xx) { finishDistances(Rows(d), $0, $0, symmetric: true) }
    }
    return d
}

/// Returns ‖x_i‖² of every row.
public func squaredRowLengths(_ x: Matrix) -> [Double] {
    var result = [Double](repeating: 0, count: x.rows)
    x.storage.withUnsafeBufferPointer { x in
        let n = result.isEmpty ? 0 : x.count / result.count
        for i in result.indices { result[i] = squaredLength(x.baseAddress.map { $0 + i * n }, n) }
    }
    return result
}

/// Reference points in single precision, relative to their mean c. They take half the memory of double precision, and
/// products are twice as fast.
///
///     D_ij² = ‖x_i − c‖² + ‖q_j − c‖² − 2 (x_i − c)·(q_j − c)
///
/// Without the subtraction of c, the lengths are much larger than the distances, and single precision is not enough.
/// With it, the relative error of D is about 10⁻⁷ (root mean square, learning machines of full size). Pairs whose
/// distance is much smaller than their lengths are computed again from their differences.
public struct CentredPoints: Sendable {
    /// The mean c of the references, F values.
    public let centre: [Double]
    /// The centred references q_j − c, K×F, row-major.
    public let values: [Float]

    /// - Parameter q: K×F.
    public init(_ q: Matrix) {
        var centre = [Double](repeating: 0, count: q.columns)
        for j in 0..<q.rows {
            for (k, value) in zip(centre.indices, q.row(j)) { centre[k] += value }
        }
        for k in centre.indices { centre[k] /= Double(max(1, q.rows)) }
        self.centre = centre
        values = centred(q, centre)
    }

    /// The squared length ‖q_j − c‖² of each reference, calculated from the values in single precision.
    public var squaredLengths: [Double] {
        values.withUnsafeBufferPointer { squaredLengthsOfRows($0, columns: centre.count) }
    }
}

/// Computes the distances from every row of X to every reference, in single precision; see ``CentredPoints``.
///
/// - Parameters:
///   - x: N×F.
///   - q: K×F, row-major: q_j − c.
///   - qq: ‖q_j − c‖².
///   - centre: the mean c of the references.
/// - Returns: N×K, same unit as the rows.
/// - Complexity: one N×F×K matrix product, in single precision.
public func distances(
    _ x: Matrix, toCentred q: UnsafeBufferPointer<Float>, squaredLengths qq: UnsafeBufferPointer<Double>,
    centre: [Double]
) -> Matrix {
    precondition(
        x.columns == centre.count && q.count == qq.count * x.columns,
        "all rows have the same length, one squared length per reference")
    let (rows, columns, features) = (x.rows, qq.count, x.columns)
    let shifted = centred(x, centre)
    var products = [Float](repeating: 0, count: rows * columns)
    var d = Matrix(rows: rows, columns: columns)
    shifted.withUnsafeBufferPointer { x in
        let xx = squaredLengthsOfRows(x, columns: features)
        products.withUnsafeMutableBufferPointer { products in
            multiply(
                m: rows, n: columns, k: features, alpha: -2, x.baseAddress, transposeA: false,
                q.baseAddress, transposeB: true, into: products.baseAddress)
            d.storage.withUnsafeMutableBufferPointer { d in
                nonisolated(unsafe) let (d, x, q, qq, products) = (d, x, q, qq, products)
                forEachChunk(of: rows, minimum: max(1, 20_000 / max(1, columns))) { range in
                    for i in range {
                        for j in 0..<columns {
                            let scale = xx[i] + qq[j]
                            var squared = Double(products[i * columns + j]) + scale
                            if squared < nearnessInSingle * scale, features > 0 {
                                squared = squaredDistance(
                                    x.baseAddress.unsafelyUnwrapped + i * features,
                                    q.baseAddress.unsafelyUnwrapped + j * features, features)
                            }
                            d[i * columns + j] = max(0, squared).squareRoot()
                        }
                    }
                }
            }
        }
    }
    return d
}

/// Below this fraction of ‖x‖² + ‖q‖², a squared distance is computed from differences, because the expansion would
/// keep fewer than about ten of its digits.
private let nearness = 1e-5

/// Below this fraction of ‖x‖² + ‖q‖², a squared distance in single precision is computed from differences, because the
/// expansion would keep fewer than about five of its digits.
private let nearnessInSingle = 1e-2

/// Returns x_i − c, row-major.
private func centred(_ x: Matrix, _ centre: [Double]) -> [Float] {
    var result = [Float](repeating: 0, count: x.rows * x.columns)
    result.withUnsafeMutableBufferPointer { result in
        x.storage.withUnsafeBufferPointer { x in
            for start in stride(from: 0, to: x.count, by: max(1, centre.count)) {
                for k in centre.indices { result[start + k] = Float(x[start + k] - centre[k]) }
            }
        }
    }
    return result
}

/// Returns the sum of squares of every row, added in double precision.
private func squaredLengthsOfRows(_ values: UnsafeBufferPointer<Float>, columns: Int) -> [Double] {
    stride(from: 0, to: values.count, by: max(1, columns)).map { start in
        var sum = 0.0
        for k in start..<start + columns { sum += Double(values[k]) * Double(values[k]) }
        return sum
    }
}

private func squaredDistance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Double {
    var sum = 0.0
    for k in 0..<n {
        let difference = Double(a[k]) - Double(b[k])
        sum += difference * difference
    }
    return sum
}

/// A mutable buffer in which threads fill disjoint ranges.
struct Rows: @unchecked Sendable {
    let base: UnsafeMutablePointer<Double>?
    init(_ buffer: UnsafeMutableBufferPointer<Double>) { base = buffer.baseAddress }
    subscript(i: Int) -> Double {
        get { base.unsafelyUnwrapped[i] }
        nonmutating set { base.unsafelyUnwrapped[i] = newValue }
    }
}

/// The rows of a buffer and their squared lengths; several threads read them at the same time.
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

private func withPoints(_ rows: Matrix, _ squaredLengths: [Double], _ body: (Points) -> Void) {
    rows.storage.withUnsafeBufferPointer { rows in
        squaredLengths.withUnsafeBufferPointer { body(Points(rows, $0)) }
    }
}

/// Replaces −2 x·q by ‖x − q‖ in every element of `d`.
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

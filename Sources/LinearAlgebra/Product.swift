import CLAPACK

/// Computes C = α op(A) op(B) + β C, row-major, in double precision (BLAS `dgemm`).
///
/// - Parameters:
///   - a: M×K (or K×M when transposed).
///   - b: K×N (or N×K when transposed).
///   - transposeA: whether op(A) is Aᵀ.
///   - transposeB: whether op(B) is Bᵀ.
///   - alpha: α.
///   - beta: β.
///   - c: M×N, read only when β ≠ 0.
/// - Complexity: 2MNK floating-point operations.
public func multiply(
    _ a: Matrix, _ b: Matrix, transposeA: Bool = false, transposeB: Bool = false,
    alpha: Double = 1, adding beta: Double = 0, into c: inout Matrix
) {
    let (m, k) = !transposeA ? (a.rows, a.columns) : (a.columns, a.rows)
    let (kb, n) = !transposeB ? (b.rows, b.columns) : (b.columns, b.rows)
    precondition(k == kb && c.rows == m && c.columns == n, "product of mismatched shapes")
    a.storage.withUnsafeBufferPointer { a in
        b.storage.withUnsafeBufferPointer { b in
            c.storage.withUnsafeMutableBufferPointer { c in
                multiply(
                    m: m, n: n, k: k, alpha: alpha, a.baseAddress, transposeA: transposeA,
                    b.baseAddress, transposeB: transposeB, adding: beta, into: c.baseAddress)
            }
        }
    }
}

/// Returns A B, or a product with transposed operands; see
/// ``multiply(_:_:transposeA:transposeB:alpha:adding:into:)``.
public func product(
    _ a: Matrix, _ b: Matrix, transposeA: Bool = false, transposeB: Bool = false
) -> Matrix {
    var c = Matrix(
        rows: !transposeA ? a.rows : a.columns,
        columns: !transposeB ? b.columns : b.rows)
    multiply(a, b, transposeA: transposeA, transposeB: transposeB, into: &c)
    return c
}

/// Computes C = α op(A) op(B) + β C on contiguous row-major buffers, for callers that manage their own memory. A
/// pointer may be nil only if its operand is empty.
public func multiply(
    m: Int, n: Int, k: Int, alpha: Double = 1, _ a: UnsafePointer<Double>?, transposeA: Bool = false,
    _ b: UnsafePointer<Double>?, transposeB: Bool = false, adding beta: Double = 0,
    into c: UnsafeMutablePointer<Double>?
) {
    forEachPanel(m: m, n: n, k: k, a, transposeA: transposeA, b, transposeB: transposeB, c) { panel in
        var (p, alpha, beta) = (panel, alpha, beta)
        dgemm_(
            &p.transposeB, &p.transposeA, &p.m, &p.n, &p.k, &alpha, p.b, &p.ldb, p.a, &p.lda, &beta, p.c,
            &p.ldc, 1, 1)
    }
}

/// Computes C = α op(A) op(B) + β C on contiguous row-major buffers in single precision (BLAS `sgemm`).
public func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1, _ a: UnsafePointer<Float>?, transposeA: Bool = false,
    _ b: UnsafePointer<Float>?, transposeB: Bool = false, adding beta: Float = 0,
    into c: UnsafeMutablePointer<Float>?
) {
    forEachPanel(m: m, n: n, k: k, a, transposeA: transposeA, b, transposeB: transposeB, c) { panel in
        var (p, alpha, beta) = (panel, alpha, beta)
        sgemm_(
            &p.transposeB, &p.transposeA, &p.m, &p.n, &p.k, &alpha, p.b, &p.ldb, p.a, &p.lda, &beta, p.c,
            &p.ldc, 1, 1)
    }
}

/// The arguments of BLAS for a part of a row-major product C = A B. In column-major order this product is Cᵀ = Bᵀ Aᵀ,
/// so the operands are swapped.
private struct Panel<Scalar> {
    var transposeA, transposeB: CChar
    var m, n, k: Int32
    var a, b: UnsafePointer<Scalar>?
    var c: UnsafeMutablePointer<Scalar>?
    var lda, ldb, ldc: Int32
}

private func forEachPanel<Scalar>(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Scalar>?, transposeA: Bool, _ b: UnsafePointer<Scalar>?,
    transposeB: Bool, _ c: UnsafeMutablePointer<Scalar>?, _ body: @Sendable (Panel<Scalar>) -> Void
) {
    guard m > 0, n > 0 else { return }
    nonisolated(unsafe) let (a, b, c) = (a, b, c)
    forEachPanel(m: m, n: n, k: k) { rows, columns in
        body(
            Panel(
                transposeA: flag(transposed: transposeA), transposeB: flag(transposed: transposeB),
                m: Int32(columns.count),
                n: Int32(rows.count), k: Int32(k), a: a.map { $0 + rows.lowerBound * (transposeA ? 1 : k) },
                b: b.map { $0 + columns.lowerBound * (transposeB ? k : 1) },
                c: c.map { $0 + rows.lowerBound * n + columns.lowerBound },
                lda: Int32(max(1, !transposeA ? k : m)), ldb: Int32(max(1, !transposeB ? n : k)),
                ldc: Int32(n)))
    }
}

/// Returns y = op(A) x (BLAS `dgemv`).
///
/// - Parameters:
///   - a: M×N.
///   - x: N values, or M when transposed.
///   - transpose: whether op(A) is Aᵀ.
/// - Returns: M values, or N when transposed.
public func product(_ a: Matrix, _ x: [Double], transpose: Bool = false) -> [Double] {
    let (outputs, inputs) = !transpose ? (a.rows, a.columns) : (a.columns, a.rows)
    precondition(x.count == inputs, "product of mismatched shapes")
    var y = [Double](repeating: 0, count: outputs)
    guard outputs > 0, inputs > 0 else { return y }
    _ = blasIsSerial
    // In column-major order the stored array is Aᵀ with `columns` rows.
    var (m, n, one) = (Int32(a.columns), Int32(a.rows), Int32(1))
    var (alpha, beta) = (1.0, 0.0)
    var trans = flag(transposed: !transpose)
    dgemv_(&trans, &m, &n, &alpha, a.storage, &m, x, &one, &beta, &y, &one, 1)
    return y
}

/// Computes C ← α Aᵀ A + β C, symmetric, with both triangles filled on return (BLAS `dsyrk`).
///
/// - Parameters:
///   - a: M×N.
///   - alpha: α.
///   - beta: β.
///   - c: N×N, its upper triangle read when β ≠ 0.
/// - Complexity: M N² floating-point operations.
public func addGram(
    of a: Matrix, scaledBy alpha: Double = 1, adding beta: Double = 0, into c: inout Matrix
) {
    precondition(c.rows == a.columns && c.columns == a.columns, "Gram matrix of mismatched shape")
    guard a.columns > 0 else { return }
    _ = blasIsSerial
    var (n, k) = (Int32(a.columns), Int32(a.rows))
    var (alpha, beta) = (alpha, beta)
    // In column-major order the array is Aᵀ (N×M), so Aᵀ A is "no transpose", and our upper triangle is BLAS's lower
    // one.
    var (uplo, trans) = (CChar(UInt8(ascii: "L")), flag(transposed: false))
    dsyrk_(&uplo, &trans, &n, &k, &alpha, a.storage, &n, &beta, &c.storage, &n, 1, 1)
    c.mirrorUpperTriangle()
}

/// Returns BLAS's letter for an operand that is used as stored or transposed.
func flag(transposed: Bool) -> CChar { CChar(UInt8(ascii: transposed ? "T" : "N")) }

extension Matrix {
    /// Copies the upper triangle (j ≥ i) onto the lower one, in blocks that stay in cache.
    mutating func mirrorUpperTriangle() {
        precondition(rows == columns, "a symmetric matrix is square")
        let (n, block) = (rows, 64)
        storage.withUnsafeMutableBufferPointer { a in
            for ib in stride(from: 0, to: n, by: block) {
                for jb in stride(from: ib, to: n, by: block) {
                    for i in ib..<min(ib + block, n) {
                        for j in max(jb, i + 1)..<max(min(jb + block, n), max(jb, i + 1)) {
                            a[j * n + i] = a[i * n + j]
                        }
                    }
                }
            }
        }
    }
}

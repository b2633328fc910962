import Foundation
import LinearAlgebra
import Testing

@Suite struct PanelTests {
    /// The shapes are tall, wide and square, and large enough for several threads; every transposition is tested.
    @Test("Products in panels equal plain sums", arguments: [(301, 70, 80), (70, 301, 80), (129, 129, 129)])
    func splitProductsEqualPlainSums(_ m: Int, _ n: Int, _ k: Int) {
        let a = Matrix(rows: m, columns: k, storage: (0..<m * k).map { sin(Double($0)) })
        let b = Matrix(rows: k, columns: n, storage: (0..<k * n).map { cos(Double($0)) })
        for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
            let c = product(
                transposeA ? a.transposed : a, transposeB ? b.transposed : b, transposeA: transposeA,
                transposeB: transposeB)
            for (i, j) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3), (33, n - 1), (m - 1, 33)] {
                let expected = (0..<k).reduce(0) { $0 + a[i, $1] * b[$1, j] }
                #expect(abs(c[i, j] - expected) < 1e-11)
            }
        }
    }
}

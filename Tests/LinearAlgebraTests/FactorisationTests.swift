import Foundation
import LinearAlgebra
import Testing

/// Returns numbers in −1..<1 that are the same in every run.
private func pseudorandom(_ count: Int, seed: UInt64 = 7) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / Double(1 << 52) - 1
    }
}

private func naiveProduct(_ a: Matrix, _ b: Matrix) -> Matrix {
    var c = Matrix(rows: a.rows, columns: b.columns)
    for i in 0..<a.rows {
        for j in 0..<b.columns {
            for k in 0..<a.columns { c[i, j] += a[i, k] * b[k, j] }
        }
    }
    return c
}

private func largestDifference(_ a: Matrix, _ b: Matrix) -> Double {
    #expect(a.rows == b.rows && a.columns == b.columns)
    return zip(a.storage, b.storage).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

@Suite struct ProductTests {
    let a = Matrix(rows: 5, columns: 7, storage: pseudorandom(35))
    let b = Matrix(rows: 7, columns: 3, storage: pseudorandom(21, seed: 3))

    @Test("Products agree for every transposition") func everyTransposition() {
        let expected = naiveProduct(a, b)
        #expect(largestDifference(product(a, b), expected) < 1e-14)
        #expect(largestDifference(product(a.transposed, b, transposeA: true), expected) < 1e-14)
        #expect(largestDifference(product(a, b.transposed, transposeB: true), expected) < 1e-14)
        #expect(
            largestDifference(
                product(a.transposed, b.transposed, transposeA: true, transposeB: true), expected) < 1e-14)
    }

    @Test("Single precision agrees with double") func singlePrecisionAgrees() {
        let (af, bf) = (a.storage.map(Float.init), b.storage.map(Float.init))
        var c = [Float](repeating: 0, count: 15)
        multiply(m: 5, n: 3, k: 7, af, bf, into: &c)
        for (x, y) in zip(c, naiveProduct(a, b).storage) { #expect(abs(Double(x) - y) < 1e-5) }
    }

    @Test("Products of matrix and vector are correct") func matrixVector() {
        let x = pseudorandom(7, seed: 9)
        let column = Matrix(rows: 7, columns: 1, storage: x)
        #expect(
            zip(product(a, x), naiveProduct(a, column).storage).allSatisfy { abs($0 - $1) < 1e-14 })
        let y = pseudorandom(5, seed: 11)
        let expected = naiveProduct(a.transposed, Matrix(rows: 5, columns: 1, storage: y)).storage
        #expect(zip(product(a, y, transpose: true), expected).allSatisfy { abs($0 - $1) < 1e-14 })
    }

    @Test("The Gram matrix has both triangles") func gram() {
        let tall = Matrix(rows: 90, columns: 130, storage: pseudorandom(90 * 130))
        var gram = Matrix(rows: 130, columns: 130)
        addGram(of: tall, into: &gram)
        #expect(largestDifference(gram, naiveProduct(tall.transposed, tall)) < 1e-12)
    }
}

@Suite struct FactorisationTests {
    let square = Matrix(rows: 20, columns: 20, storage: pseudorandom(400))
    var positive: Matrix {
        var result = Matrix.identity(20)
        addGram(of: square, adding: 1, into: &result)
        return result
    }
    var indefinite: Matrix {
        var result = square
        for i in 0..<20 { for j in 0..<20 { result[i, j] = square[i, j] + square[j, i] } }
        return result
    }
    let right = Matrix(rows: 20, columns: 2, storage: pseudorandom(40, seed: 5))

    @Test("Cholesky solves linear systems") func choleskySolves() throws {
        let factor = try Cholesky(positive)
        #expect(largestDifference(naiveProduct(positive, factor.solve(right)), right) < 1e-11)
        let whitened = factor.whitenRows(right.transposed)
        let direct = naiveProduct(right.transposed, factor.solve(right))
        #expect(largestDifference(naiveProduct(whitened, whitened.transposed), direct) < 1e-11)
        let logarithms = try SymmetricEigen(positive).values.map { log($0) }
        #expect(abs(factor.logDeterminant - logarithms.reduce(0, +)) < 1e-10)
    }

    @Test("Cholesky refuses an indefinite matrix") func choleskyRefusesIndefinite() {
        #expect(throws: LinearAlgebraError.notPositiveDefinite(pivot: 1)) {
            try Cholesky(Matrix([[1, 2], [2, 1]]))
        }
        #expect(throws: LinearAlgebraError.notFinite(routine: "dpotrf")) {
            try Cholesky(Matrix([[.nan]]))
        }
    }

    @Test("Symmetric indefinite systems are solved") func indefiniteSolves() throws {
        let factor = try SymmetricIndefinite(indefinite)
        #expect(largestDifference(naiveProduct(indefinite, factor.solve(right)), right) < 1e-11)
        #expect(factor.reciprocalCondition > 1e-6 && factor.reciprocalCondition <= 1)
        #expect(throws: LinearAlgebraError.singular(pivot: 0)) {
            try SymmetricIndefinite(Matrix(rows: 2, columns: 2))
        }
    }

    @Test("Eigenvectors and eigenvalues reproduce the matrix") func eigenvectors() throws {
        let eigen = try SymmetricEigen(indefinite)
        #expect(eigen.values == eigen.values.sorted())
        #expect(largestDifference(eigen.applying { $0 }, indefinite) < 1e-12)
    }

    @Test("Least squares agrees with the normal equations and finds the rank") func leastSquaresRank() throws
    {
        let tall = Matrix(rows: 20, columns: 6, storage: pseudorandom(120, seed: 13))
        let (x, rank) = try leastSquares(tall, right)
        #expect(rank == 6)
        var gram = Matrix(rows: 6, columns: 6)
        addGram(of: tall, into: &gram)
        let normal = try Cholesky(gram).solve(product(tall, right, transposeA: true))
        #expect(largestDifference(x, normal) < 1e-12)
        let (_, deficient) = try leastSquares(Matrix([[1, 1], [1, 1], [2, 2]]), Matrix([[1], [1], [2]]))
        #expect(deficient == 1)
    }

    @Test("Chunks visit every index once") func chunks() {
        nonisolated(unsafe) let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: 1001)
        defer { counts.deallocate() }
        counts.initialize(repeating: 0)
        forEachChunk(of: 1001) { range in for i in range { counts[i] += 1 } }
        #expect(counts.allSatisfy { $0 == 1 })
    }
}

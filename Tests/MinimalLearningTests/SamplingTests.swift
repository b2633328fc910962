import LinearAlgebra
import MinimalLearning
import Testing

@Suite struct SamplingTests {
    static let points = Matrix([
        [0, 0], [1, 0], [0, 2], [3, 1], [1.5, 2.5], [2.5, 0.2], [0.2, 0.9], [3.2, 2.8],
    ])

    /// Returns numbers in -1...1 that are the same in every run.
    static func noise(rows: Int, columns: Int) -> Matrix {
        var state: UInt64 = 1
        return Matrix(
            rows: rows, columns: columns,
            storage: (0..<rows * columns).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(Int64(bitPattern: state) >> 11) / 0x1p52
            })
    }

    @Test("RS-maximin agrees with the golden data") func maximinGolden() {
        #expect(maximinSelection(of: Self.points, count: 5) == [1, 7, 2, 3, 4])
        #expect(
            maximinSelection(of: Self.points, count: 5, start: .farthestFromMean)
                == [7, 0, 5, 2, 4])
        #expect(maximinSelection(of: Self.points, count: 2, start: .index(7)) == [7, 0])
    }

    @Test("Maximin agrees with its definition, and shorter selections are prefixes") func maximinDefinition()
    {
        let x = Self.noise(rows: 300, columns: 3)
        let selected = maximinSelection(of: x, count: 120, start: .random(seed: 7))
        let d = distances(among: x)
        for k in 1..<selected.count {
            func clearance(_ i: Int) -> Double { selected[..<k].map { d[i, $0] }.min() ?? 0 }
            let best = (0..<300).map(clearance).max() ?? 0
            #expect(abs(clearance(selected[k]) - best) < 1e-12)
        }
        #expect(
            Array(selected.prefix(40))
                == maximinSelection(of: x, count: 40, start: .random(seed: 7)))
    }

    @Test("Maximin does not select duplicates") func maximinDuplicates() {
        var doubled = Self.points.storage + Self.points.storage
        doubled[16] += 1e-12
        let x = Matrix(rows: 16, columns: 2, storage: doubled)
        #expect(Set(maximinSelection(of: x, count: 16).map { $0 % 8 }).count == 8)
        #expect(maximinSelection(of: x, count: 16).count == 8)
    }

    /// There are too many points to keep all distances, so single precision is used. Duplicate points must still be
    /// recognised.
    @Test("RS-maximin works on many points") func maximinOfManyPoints() {
        let distinct = Self.noise(rows: 3000, columns: 21)
        var storage = distinct.storage + distinct.storage + distinct.storage
        for k in storage.indices.dropFirst(distinct.storage.count) { storage[k] += 1e-9 }
        let x = Matrix(rows: 9000, columns: 21, storage: storage)
        let selected = maximinSelection(of: x, count: 9000)
        #expect(selected.count == 3000)
        #expect(Set(selected.map { $0 % 3000 }).count == 3000)

        let few = Array(selected.prefix(100))
        #expect(maximinSelection(of: x, count: 100) == few)
        let d = distances(distinct, to: x.selectingRows(few))
        for k in 1..<few.count {
            func clearance(_ i: Int) -> Double { d.row(i).prefix(k).min() ?? 0 }
            let best = (0..<3000).map(clearance).max() ?? 0
            #expect(abs(clearance(few[k] % 3000) - best) < 1e-5)
        }
    }

    @Test("Distances of close and of distant points are accurate") func closeAndDistantPoints() {
        var x = Self.noise(rows: 40, columns: 203)
        for k in 0..<203 { x[7, k] = x[3, k] + 1e-9 }
        let d = distances(among: x)
        let rectangular = distances(x.selectingRows([7, 8]), to: x)
        for i in 0..<40 {
            #expect(d[i, i] == 0)
            for j in 0..<40 {
                let exact = zip(x.row(i), x.row(j)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                    .squareRoot()
                #expect(abs(d[i, j] - exact) <= 1e-10 * exact)
                #expect(d[i, j] == d[j, i])
            }
        }
        #expect(abs(rectangular[0, 3] - 203.0.squareRoot() * 1e-9) < 1e-15)
    }

    @Test("Features are scaled to [0, 1]") func scaling() {
        let x = Matrix([[0, 5, 2], [4, 5, -2], [1, 5, 0]])
        let scaling = MinMaxScaling(fitting: x)
        #expect(scaling(x) == Matrix([[0, 0, 1], [1, 0, 0], [0.25, 0, 0.5]]))
        #expect(scaling(Matrix([[8, 6, 6]])) == Matrix([[2, 1, 2]]))
    }

    /// The expected frames are NumPy's unique(round(geomspace(1, 12000, 1836))).
    @Test("Frames are sampled by a logarithm") func logarithmicFrames() {
        let frames = logarithmicSample(of: 12_000, count: 1000)
        #expect(frames.count == 1000 && Set(frames).count == 1000)
        #expect(frames == frames.sorted() && frames.last == 11_999)
        #expect(frames.count { $0 >= 10_800 } == 550)
        #expect(frames.count { $0 < 6000 } == 136)
        #expect(logarithmicSample(of: 8, count: 3) == [0, 5, 7])
        #expect(logarithmicSample(of: 5, count: 5) == [0, 1, 2, 3, 4])
        #expect(logarithmicSample(of: 5, count: 9) == [0, 1, 2, 3, 4])
        #expect(logarithmicSample(of: 5, count: 1) == [4])
        #expect(logarithmicSample(of: 200, count: 199).count == 199)
    }
}

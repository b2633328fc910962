import Atomistics
import LinearAlgebra
import Testing

@Suite struct NeighborListTests {
    /// Finds every pair as the definition says, by trying all images within a generous number of cells.
    static func bruteForce(
        _ positions: [SIMD3<Double>], cell: Cell?, periodicity: Periodicity, cutoff: Double, range: Int
    ) -> [[(Int, SIMD3<Double>)]] {
        let a = periodicity.a ? range : 0
        let b = periodicity.b ? range : 0
        let c = periodicity.c ? range : 0
        return positions.indices.map { i in
            var found: [(Int, SIMD3<Double>)] = []
            for x in -a...a {
                for y in -b...b {
                    for z in -c...c {
                        var shift = SIMD3<Double>.zero
                        if let cell {
                            shift = Double(x) * cell.a + Double(y) * cell.b + Double(z) * cell.c
                        }
                        for j in positions.indices where !(i == j && x == 0 && y == 0 && z == 0) {
                            let displacement = positions[j] + shift - positions[i]
                            if displacement.squaredLength <= cutoff * cutoff {
                                found.append((j, displacement))
                            }
                        }
                    }
                }
            }
            return found
        }
    }

    static func key(_ entry: (Int, SIMD3<Double>)) -> [Double] {
        [Double(entry.0)] + [entry.1.x, entry.1.y, entry.1.z].map { ($0 * 1e7).rounded() / 1e7 + 0 }
    }

    static func expectSame(
        _ positions: [SIMD3<Double>], cell: Cell? = nil, periodicity: Periodicity = .none, cutoff: Double,
        range: Int = 0
    ) throws {
        let list = try NeighborList(
            positions: positions, cell: cell, periodicity: periodicity, cutoff: cutoff)
        let expected = bruteForce(
            positions, cell: cell, periodicity: periodicity, cutoff: cutoff, range: range)
        #expect(list.offsets.count == positions.count + 1)
        for i in positions.indices {
            let got = list.range(of: i).map { key((list.indices[$0], list.displacements[$0])) }
            let wanted = expected[i].map(key)
            #expect(
                got.sorted { $0.lexicographicallyPrecedes($1) }
                    == wanted.sorted { $0.lexicographicallyPrecedes($1) }, "atom \(i)")
            for slot in list.range(of: i) {
                #expect(list.squaredDistances[slot] == list.displacements[slot].squaredLength)
            }
        }
    }

    @Test("All pairs of a molecule within the cutoff are found") func molecule() throws {
        var random = SplitMix(seed: 7)
        let positions = (0..<200).map { _ in random.vector(in: -8...8) }
        try Self.expectSame(positions, cutoff: 2.5)
        try Self.expectSame(positions, cutoff: 40)
        try Self.expectSame([[1, 2, 3]], cutoff: 4)
        try Self.expectSame([], cutoff: 4)
    }

    /// Two atoms a kilometre apart must not create a grid of a kilometre.
    @Test("Atoms far apart take little memory") func farApart() throws {
        try Self.expectSame([[0, 0, 0], [1e13, 1e13, -1e13], [0, 0, 1]], cutoff: 2)
    }

    @Test(
        "Periodic images are found, as by a direct sum",
        arguments: [
            Periodicity.all, Periodicity(true, false, false), Periodicity(false, true, true),
            Periodicity(false, false, true), Periodicity(true, true, false),
        ])
    func periodic(_ periodicity: Periodicity) throws {
        var random = SplitMix(seed: 11)
        let cell = Cell([3.1, 0.2, -0.4], [1.3, 2.7, 0.1], [-0.6, 0.8, 4.4])
        // Some of the atoms are outside the cell.
        let positions = (0..<9).map { _ in random.vector(in: -6...6) }
        try Self.expectSame(positions, cell: cell, periodicity: periodicity, cutoff: 3.7, range: 9)
    }

    @Test("An atom is a neighbour of its own images") func ownImages() throws {
        let cell = Cell([2, 0, 0], [0, 9, 0], [0, 0, 9])
        let list = try NeighborList(positions: [.zero], cell: cell, periodicity: .all, cutoff: 4)
        #expect(list.indices == [0, 0, 0, 0])
        #expect(list.squaredDistances.sorted() == [4, 4, 16, 16])
    }

    @Test("A slab needs no third lattice vector") func slabWithoutThirdVector() throws {
        let cell = Cell([3, 0, 0], [0, 3, 0], .zero)
        let list = try NeighborList(
            positions: [[0, 0, 0], [0, 0, 2]], cell: cell, periodicity: Periodicity(true, true, false),
            cutoff: 3)
        #expect(list.range(of: 0).count == 5)
    }

    @Test("Unusable coordinates and cells are refused") func refusals() {
        #expect(throws: StructureError.notFinite(atom: 1)) {
            try NeighborList(positions: [.zero, [0, .nan, 0]], cutoff: 1)
        }
        #expect(throws: StructureError.singularCell) {
            try NeighborList(
                positions: [.zero], cell: Cell([1, 0, 0], [2, 0, 0], [0, 0, 1]), periodicity: .all,
                cutoff: 1)
        }
        #expect(throws: StructureError.singularCell) {
            try NeighborList(positions: [.zero], periodicity: .all, cutoff: 1)
        }
        #expect(throws: StructureError.self) {
            try NeighborList(
                positions: [.zero], cell: Cell([1e-5, 0, 0], [0, 1e-5, 0], [0, 0, 1]), periodicity: .all,
                cutoff: 4)
        }
    }
}

import Atomistics
import Testing

/// Cells and nearest images.
@Suite struct PeriodicStructureTests {
    /// Two layers of gold in a skewed cell that is not periodic along the third direction.
    private static let slab: Atoms = {
        var atoms = Atoms(
            elements: [.gold, .gold, .sulfur],
            positions: [[0, 0, 5], [1.45, 0.84, 7.4], [2.9, 1.67, 9.3]])
        atoms.cell = Cell([2.9, 0, 0], [1.45, 2.51, 0], [0, 0, 8])
        atoms.periodicity = Periodicity(true, true, false)
        return atoms
    }()

    @Test("atoms are wrapped along the periodic directions only, and unwrapped again")
    func wrapping() throws {
        var moved = Self.slab
        let cell = try #require(moved.cell)
        moved.positions[0] += 3 * cell.a - 2 * cell.b
        moved.positions[1] -= cell.b
        moved.positions[2].z += 40
        let wrapped = try moved.wrapped()
        #expect(abs(wrapped.positions[2].z - moved.positions[2].z) < 1e-12)
        let back = try wrapped.unwrapped(near: Self.slab.positions)
        for i in 0..<2 { #expect((back.positions[i] - Self.slab.positions[i]).length < 1e-9) }
        let molecule = Atoms(elements: [.gold], positions: [[50, 0, 0]])
        #expect(try molecule.wrapped().positions == molecule.positions)
    }

    @Test("displacements are measured between nearest images, and a slab is not rotated")
    func superposition() throws {
        var moved = Self.slab
        let cell = try #require(moved.cell)
        moved.positions[0] += cell.a
        moved.positions[2] += [0.1, 0, 0]
        let placed = try Superposition(of: moved, on: Self.slab)
        #expect(abs(placed.largestDisplacement - 0.1) < 1e-9)
        #expect(GeometryCheck().problems(in: moved, comparedWith: Self.slab).isEmpty)
    }

    @Test("cells are compared along the periodic directions")
    func sameCell() {
        var other = Self.slab
        other.cell?.c.z = 30
        #expect(Self.slab.hasSameCell(as: other))
        other.cell?.a.x = 3
        #expect(!Self.slab.hasSameCell(as: other))
        other.periodicity = .none
        #expect(!Self.slab.hasSameCell(as: other))
    }

    @Test("a program that repeats the cell everywhere gets empty space along the other direction")
    func engineCell() throws {
        let cell = try #require(try Self.slab.engineCell())
        #expect(cell.a == Self.slab.cell?.a && cell.c == [0, 0, 17])
        let slab = try #require(try Self.slab.slab())
        #expect(abs(slab.thickness - 4.3) < 1e-9 && abs(slab.emptySpace - 3.7) < 1e-9)
        #expect(try Atoms(elements: [.gold], positions: [.zero]).engineCell() == nil)
    }

    @Test("a molecule in a box is distinguished from a slab")
    func moleculeInBox() throws {
        #expect(try !Self.slab.isMoleculeInBox())
        var water = Atoms(elements: [.sulfur, .hydrogen], positions: [[0.1, 0, 0], [-1.2, 0, 0]])
        (water.cell, water.periodicity) = (Cell([9, 0, 0], [0, 9, 0], [0, 0, 9]), .all)
        #expect(try water.isMoleculeInBox())
        water.periodicity = Periodicity(true, false, false)
        #expect(try water.isMoleculeInBox())
        water.cell = nil
        #expect(throws: StructureError.singularCell) { try water.isMoleculeInBox() }
    }
}

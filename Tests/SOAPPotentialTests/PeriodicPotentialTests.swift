import Atomistics
import SOAPPotential
import Testing

/// The potential in periodic structures, where images of atoms are neighbours, too.
@Suite struct PeriodicPotentialTests {
    /// Returns a ring of the data in a cell that is so small that the ring and its images are neighbours along two
    /// directions.
    private static func crowded() throws -> (potential: SOAPPotential, atoms: Atoms) {
        var atoms = try LabelledRings.split().held[0]
        let low = atoms.positions.reduce(atoms.positions[0]) { pointwiseMin($0, $1) }
        let high = atoms.positions.reduce(atoms.positions[0]) { pointwiseMax($0, $1) }
        let size = high - low
        atoms.cell = Cell([size.x + 2.2, 0, 0], [1.1, size.y + 2.3, 0.3], [0, 0, 30])
        atoms.periodicity = Periodicity(true, true, false)
        return (try LabelledRings.potential(), atoms)
    }

    @Test(
        "forces are the negative gradient of the energy; lattice vectors change nothing; a cell of two has twice the energy"
    )
    func forces() throws {
        let (potential, atoms) = try Self.crowded()
        let (energy, forces) = try potential.energyAndForces(atoms)
        var molecule = atoms
        (molecule.cell, molecule.periodicity) = (nil, .none)
        #expect(abs(try potential.energyAndForces(molecule).energy - energy) > 1e-3)
        let h = 1e-4
        for (atom, axis) in [(0, 0), (3, 1), (7, 2), (11, 0)] {
            var (up, down) = (atoms, atoms)
            up.positions[atom][axis] += h
            down.positions[atom][axis] -= h
            let slope =
                try (potential.energyAndForces(up).energy - potential.energyAndForces(down).energy) / (2 * h)
            #expect(abs(slope + forces[atom][axis]) < 1e-4)
        }
        let cell = try #require(atoms.cell)
        var moved = atoms
        moved.positions[2] += 2 * cell.a - cell.b
        let there = try potential.energyAndForces(moved)
        #expect(abs(there.energy - energy) < 1e-8 && (there.forces[2] - forces[2]).length < 1e-8)

        var double = Atoms(
            elements: atoms.elements + atoms.elements,
            positions: atoms.positions + atoms.positions.map { $0 + cell.a })
        (double.cell, double.periodicity) = (Cell(2 * cell.a, cell.b, cell.c), atoms.periodicity)
        let twice = try potential.energyAndForces(double)
        #expect(abs(twice.energy - 2 * energy) < 1e-6)
        #expect((twice.forces[atoms.count + 3] - forces[3]).length < 1e-7)
        #expect(try potential.predict(atoms).forces.count == atoms.count)
    }

    @Test("the Hessian has the second derivatives for displacements of an atom with all its images")
    func hessian() throws {
        let (potential, atoms) = try Self.crowded()
        let hessian = try #require(try potential.hessian(atoms))
        let size = 3 * atoms.count
        let h = 1e-3
        for i in [0, 10] {
            var (up, down) = (atoms, atoms)
            up.positions[i / 3][i % 3] += h
            down.positions[i / 3][i % 3] -= h
            let (a, b) = (
                try potential.energyAndForces(up).forces, try potential.energyAndForces(down).forces
            )
            for j in 0..<size {
                let slope = -(a[j / 3][j % 3] - b[j / 3][j % 3]) / (2 * h)
                #expect(abs(slope - hessian[i * size + j]) < 1e-3, "\(i) \(j)")
            }
        }
    }

    @Test("the potential can be trained on periodic frames")
    func training() throws {
        let (_, atoms) = try Self.crowded()
        var (frames, held) = try LabelledRings.split()
        frames.append(atoms)
        let potential = try SOAPPotential.train(
            frames: frames, settings: LabelledRings.settings, validation: held)
        #expect(try potential.energyAndForces(atoms).energy.isFinite)
        frames[frames.count - 1].cell = nil
        #expect(throws: (any Error).self) {
            try SOAPPotential.train(frames: frames, settings: LabelledRings.settings, validation: held)
        }
    }
}

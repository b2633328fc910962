import Atomistics
import Foundation
import LearningRelaxation
import Testing

/// A pair potential that includes periodic images: E = Σ_{pairs} ((1 − e^{−a (r − r₀)})² − 1), shifted to zero at the
/// cutoff.
private struct PeriodicMorse: ForceField {
    var depth = 1.0
    var distance = 2.8
    let provenance = ForceFieldProvenance(name: "morse", kind: "test", version: "1", levelOfTheory: "test")
    var hasEnergy: Bool { true }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        let near = try NeighborList(atoms, cutoff: 9)
        var (energy, forces) = (0.0, [SIMD3<Double>](repeating: .zero, count: atoms.count))
        for i in 0..<atoms.count {
            for slot in near.range(of: i) {
                let (r, offset) = (near.squaredDistances[slot].squareRoot(), near.displacements[slot])
                let decay = exp(-1.4 * (r - distance))
                energy += depth / 2 * ((1 - decay) * (1 - decay) - 1)
                forces[i] += (2 * depth * 1.4 * (1 - decay) * decay / r) * offset
            }
        }
        return ForcePrediction(
            forces: forces, energy: energy, classes: atoms.elements.map(\.symbol),
            outOfDomain: [Bool](repeating: false, count: atoms.count))
    }
}

/// The learning relaxation of a slab with a fixed cell.
@Suite struct PeriodicRelaxationTests {
    /// Two layers of a square lattice, and an atom on them that is not yet at the hollow site to which it relaxes.
    private static let slab: Atoms = {
        var positions: [SIMD3<Double>] = []
        for (layer, shift) in [(0.0, 0.0), (2.0, 1.45)] {
            for x in 0..<2 {
                for y in 0..<2 {
                    positions.append([2.9 * Double(x) + shift, 2.9 * Double(y) + shift, layer])
                }
            }
        }
        // The hollow site is on the other side of the cell's boundary.
        positions.append([5.5, 0.4, 4.3])
        var atoms = Atoms(
            elements: [Element](repeating: .gold, count: 8) + [.sulfur], positions: positions)
        (atoms.cell, atoms.periodicity) = (
            Cell([5.8, 0, 0], [0, 5.8, 0], [0, 0, 20]), Periodicity(true, true, false)
        )
        return atoms
    }()

    @Test("a slab with its lowest layer fixed converges, with and without a base", arguments: [false, true])
    func converges(hasBase: Bool) throws {
        let start = Self.slab
        let isFree = start.positions.map { $0.z > 1 }
        let base: Base = hasBase ? .forceField(PeriodicMorse(depth: 0.8, distance: 2.75)) : .quadratic
        var machine = try LearningRelaxation(start: start, isFree: isFree, base: base)
        let engine = PeriodicMorse()
        var (atoms, calls) = (start, 0)
        while calls < 40 {
            let said = try engine.predict(atoms)
            calls += 1
            try machine.observe(atoms.positions, energy: said.energy ?? .nan, forces: said.forces)
            if machine.frames[calls - 1].fmax < 0.05 { break }
            atoms.positions = try machine.proposal().positions
        }
        #expect(calls < (hasBase ? 12 : 25), "\(calls)")
        #expect(zip(atoms.positions, start.positions).allSatisfy { $1.z > 1 || $0 == $1 })
        #expect(machine.start.cell == start.cell)
    }
}

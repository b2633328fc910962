import Atomistics
import SOAPPotential

extension Correction {
    /// Adds a labelled geometry of another job, after subtracting the net force from its forces.
    mutating func learn(_ frame: Atoms, _ base: BaseEvaluator) throws {
        guard let forces = frame.forces, let energy = frame.energy, energy.isFinite,
            (frame.positions + forces).allSatisfy({ $0.squaredLength.isFinite })
        else { throw LearningError.notFinite }
        let atoms = frame.bare
        let own = try base(atoms)
        let residual = zip(forces, own.gradient).map { $0 + $1 }
        let mean = residual.reduce(.zero, +) / Double(max(1, residual.count))
        try add(atoms, forces: residual.map { $0 - mean }, energy: energy - own.energy, isForeign: true)
    }
}

extension Atoms {
    /// Returns positions, energy and forces with the atoms in the order of these elements; nil if the composition
    /// differs.
    func reordered(to elements: [Element]) -> Atoms? {
        var places: [Element: [Int]] = [:]
        for index in self.elements.indices.reversed() {
            places[self.elements[index], default: []].append(index)
        }
        let order = elements.compactMap { places[$0]?.popLast() }
        guard order.count == elements.count, order.count == count else { return nil }
        var result = Atoms(
            elements: elements, positions: order.map { positions[$0] }, cell: cell, periodicity: periodicity)
        result.energy = energy
        result.forces = forces.map { forces in order.map { forces[$0] } }
        return result
    }
}

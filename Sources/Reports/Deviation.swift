import Atomistics

/// The deviation of structures from a target structure of the same atoms. Hydrogen atoms are left out.
///
/// If some atoms are fixed, the structures are shifted until the fixed atoms coincide, because a package may have
/// shifted the whole structure, and the moving atoms are compared. Otherwise the structures are superposed.
/// - Source: section III.D.2 of the paper (arXiv:2203.09788).
struct Deviation: Sendable {
    private let target: Atoms
    /// Indices of the compared atoms.
    private let counted: [Int]
    private let fixed: [Int]

    /// - Parameter moving: true for each atom that may move; nil if all may.
    init(from target: Atoms, moving: [Bool]?) {
        self.target = target
        let mask = moving ?? [Bool](repeating: true, count: target.count)
        counted = target.elements.indices.filter { mask[$0] && target.elements[$0] != .hydrogen }
        fixed = mask.indices.filter { !mask[$0] }
    }

    /// Returns the root mean square distance of the compared atoms from those of the target, Å; nil if the structures
    /// have different atoms.
    func rmsd(of atoms: Atoms) -> Double? {
        guard atoms.elements == target.elements, !counted.isEmpty,
            let atoms = try? atoms.unwrapped(near: target.positions)
        else { return nil }
        guard !fixed.isEmpty else {
            func heavy(_ atoms: Atoms) -> Atoms {
                Atoms(
                    elements: counted.map { atoms.elements[$0] },
                    positions: counted.map { atoms.positions[$0] }, cell: atoms.cell,
                    periodicity: atoms.periodicity)
            }
            return try? Superposition(of: heavy(atoms), on: heavy(target)).rmsd
        }
        let shift =
            fixed.reduce(SIMD3<Double>.zero) { $0 + target.positions[$1] - atoms.positions[$1] }
            / Double(fixed.count)
        let sum = counted.reduce(0) {
            $0 + (atoms.positions[$1] + shift - target.positions[$1]).squaredLength
        }
        return (sum / Double(counted.count)).squareRoot()
    }
}

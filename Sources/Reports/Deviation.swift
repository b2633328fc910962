import Atomistics

/// The deviation of structures from another one of the same atoms, without hydrogen.
///
/// If atoms are fixed, the moving atoms are compared after a shift that superposes the fixed ones, because a package
/// may have shifted the whole structure; otherwise the structures are superposed.
/// - Source: section III.D.2 of the paper.
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

    /// Returns √⟨|r_i + t − s_i|²⟩, Å; nil if the atoms differ.
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

import Atomistics

/// How far structures are from another one of the same atoms, without hydrogen.
///
/// Where atoms are fixed, over those that move, in the frame of the fixed ones (a package may have moved the whole
/// structure); else superposed.
/// - Source: section III.D.2 of the paper.
struct Deviation: Sendable {
    private let target: Atoms
    /// Indices.
    private let counted: [Int]
    private let fixed: [Int]

    /// - Parameter moving: nil where all move.
    init(from target: Atoms, moving: [Bool]?) {
        self.target = target
        let mask = moving ?? [Bool](repeating: true, count: target.count)
        counted = target.elements.indices.filter { mask[$0] && target.elements[$0] != .hydrogen }
        fixed = mask.indices.filter { !mask[$0] }
    }

    /// √⟨|r_i + t − s_i|²⟩, Å; nil for other atoms.
    func rmsd(of atoms: Atoms) -> Double? {
        guard atoms.elements == target.elements, !counted.isEmpty else { return nil }
        guard !fixed.isEmpty else {
            func heavy(_ atoms: Atoms) -> Atoms {
                Atoms(
                    elements: counted.map { atoms.elements[$0] },
                    positions: counted.map { atoms.positions[$0] })
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

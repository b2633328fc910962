import Atomistics

/// The cell of the structure that was handed off, for comparison with the cell of the result.
protocol SentCell {
    /// Lattice vectors as rows, Å; nil for a molecule.
    var cell: [[Double]]? { get }
    /// True for each lattice vector along which the structure repeats; nil for a molecule.
    var pbc: [Bool]? { get }
}

extension HandoffExpectation: SentCell {}
extension SinglePointsExpectation: SentCell {}

extension SentCell {
    var isPeriodic: Bool { pbc?.contains(true) == true }

    /// Replaces a structure's cell by the cell that was sent.
    func setCell(of atoms: inout Atoms) {
        guard let cell, let pbc, cell.count == 3, pbc.count == 3, cell.allSatisfy({ $0.count == 3 }) else {
            (atoms.cell, atoms.periodicity) = (nil, .none)
            return
        }
        let rows = cell.map { SIMD3($0[0], $0[1], $0[2]) }
        atoms.cell = Cell(rows[0], rows[1], rows[2])
        atoms.periodicity = Periodicity(pbc[0], pbc[1], pbc[2])
    }

    /// Checks that a frame has the cell that was sent. For molecules nothing is checked.
    func checkCell(_ atoms: Atoms, file: String, frame: Int) throws(ResultRefusal) {
        guard isPeriodic else { return }
        var sent = atoms
        setCell(of: &sent)
        guard atoms.hasSameCell(as: sent) else { throw .otherCell(file: file, frame: frame) }
    }

    /// Returns the positions with each atom at its periodic image nearest to its position in `others`. For a molecule
    /// the positions stay as they are.
    func nearest(_ positions: [SIMD3<Double>], to others: [SIMD3<Double>]) -> [SIMD3<Double>] {
        guard isPeriodic, positions.count == others.count else { return positions }
        var atoms = Atoms(
            elements: [Element](repeating: .hydrogen, count: positions.count), positions: positions)
        setCell(of: &atoms)
        return (try? atoms.unwrapped(near: others))?.positions ?? positions
    }
}

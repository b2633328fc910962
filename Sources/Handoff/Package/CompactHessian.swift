import LinearAlgebra

/// The Hessian of a package with many atoms, as 3×3 blocks in single precision, one block for each pair of atoms that
/// interact.
///
/// A block takes 44 bytes; a full matrix would take 72 bytes for each pair of atoms. Only half of the symmetric matrix
/// is stored, and pairs without interaction are left out.
struct CompactHessian {
    /// Largest number of atoms whose Hessian is written as a full matrix; with more atoms it is written in blocks.
    static let largestDense = 300
    /// A block is left out if none of its absolute values exceeds this, eV/Å². With this limit, Au38(PET)24 (470 atoms)
    /// takes 0.57 MB instead of 15.9 MB, and the first step of BFGS changes by 2e-5 of its length.
    static let smallest = 1e-4

    /// Pairs of atoms with row ≤ column, each with the nine numbers of its block, row by row, eV/Å².
    private(set) var blocks: [(row: Int32, column: Int32, values: [Float])] = []

    /// - Parameter dense: the full Hessian, 3N×3N numbers, row-major, symmetric, eV/Å².
    init(_ dense: [Double], atoms: Int) {
        let size = 3 * atoms
        for row in 0..<atoms {
            for column in row..<atoms {
                let values = (0..<9).map { dense[(3 * row + $0 / 3) * size + 3 * column + $0 % 3] }
                guard row == column || values.contains(where: { abs($0) > Self.smallest }) else { continue }
                blocks.append((Int32(row), Int32(column), values.map { Float($0) }))
            }
        }
    }

    /// The blocks as the bytes of a NumPy file of records: row, column, block.
    var npy: [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(44 * blocks.count)
        for block in blocks {
            for index in [block.row, block.column] {
                withUnsafeBytes(of: index.littleEndian) { body.append(contentsOf: $0) }
            }
            for value in block.values {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { body.append(contentsOf: $0) }
            }
        }
        return NPY.header(
            type: "[('row', '<i4'), ('column', '<i4'), ('block', '<f4', (3, 3))]", shape: "(\(blocks.count),)"
        )
            + body
    }
}

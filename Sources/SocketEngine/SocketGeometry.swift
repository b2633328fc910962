/// What goes to an engine: positions, and a cell where there is one.
public struct SocketGeometry: Sendable, Equatable {
    /// Å, x y z of atom after atom.
    public var positions: [Double]
    /// Å, the three lattice vectors one after the other; nil for a molecule in empty space.
    public var cell: [Double]?

    public init(positions: [Double], cell: [Double]? = nil) {
        precondition(positions.count % 3 == 0, "three coordinates an atom")
        precondition(cell.map { $0.count == 9 } ?? true, "three lattice vectors of three numbers")
        (self.positions, self.cell) = (positions, cell)
    }

    public var atoms: Int { positions.count / 3 }
}

/// What an engine says of a geometry.
public struct SocketForces: Sendable, Equatable {
    /// eV.
    public var energy: Double
    /// eV/Å, x y z of atom after atom.
    public var forces: [Double]
    /// −V σ, eV, 3×3 row by row; zeros where the engine has none.
    public var virial: [Double]
    /// What else it says, in a form that the two ends have agreed upon.
    public var extra: [UInt8]

    public init(
        energy: Double, forces: [Double], virial: [Double] = [Double](repeating: 0, count: 9),
        extra: [UInt8] = []
    ) {
        (self.energy, self.forces, self.virial, self.extra) = (energy, forces, virial, extra)
    }

    /// The stress, eV/Å³, 3×3 row by row, positive under tension as in ASE; nil without a cell or with one that has
    /// no volume.
    public func stress(in cell: [Double]?) -> [Double]? {
        guard let cell, let volume = Matrix3(cell).volume else { return nil }
        return virial.map { -$0 / volume }
    }
}

/// The few operations on 3×3 matrices that the protocol needs; rows are vectors.
struct Matrix3 {
    var rows: [Double]

    init(_ rows: [Double]) { self.rows = rows }

    subscript(_ row: Int, _ column: Int) -> Double { rows[3 * row + column] }

    var transposed: Matrix3 {
        Matrix3((0..<9).map { self[$0 % 3, $0 / 3] })
    }

    private func cofactor(_ i: Int, _ j: Int) -> Double {
        let (a, b) = ((i + 1) % 3, (i + 2) % 3)
        let (c, d) = ((j + 1) % 3, (j + 2) % 3)
        return self[a, c] * self[b, d] - self[a, d] * self[b, c]
    }

    var determinant: Double { (0..<3).reduce(0) { $0 + self[0, $1] * cofactor(0, $1) } }

    /// Nil for a cell without volume.
    var volume: Double? {
        let determinant = abs(determinant)
        return determinant > 1e-12 ? determinant : nil
    }

    /// The inverse; zeros for a matrix that has none, as ASE sends for a molecule.
    var inverse: Matrix3 {
        let determinant = determinant
        guard abs(determinant) > 1e-12 else { return Matrix3([Double](repeating: 0, count: 9)) }
        return Matrix3((0..<9).map { cofactor($0 % 3, $0 / 3) / determinant })
    }
}

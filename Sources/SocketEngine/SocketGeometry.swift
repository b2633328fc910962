/// The geometry that a driver sends to an engine: positions, and a cell if there is one.
public struct SocketGeometry: Sendable, Equatable {
    /// Positions, Å: x, y and z of each atom, atom after atom.
    public var positions: [Double]
    /// The three lattice vectors one after the other, Å; nil for a molecule in empty space.
    public var cell: [Double]?

    public init(positions: [Double], cell: [Double]? = nil) {
        precondition(positions.count % 3 == 0, "three coordinates per atom")
        precondition(cell.map { $0.count == 9 } ?? true, "three lattice vectors of three numbers")
        (self.positions, self.cell) = (positions, cell)
    }

    public var atoms: Int { positions.count / 3 }
}

/// An engine's result for a geometry.
public struct SocketForces: Sendable, Equatable {
    /// Energy, eV.
    public var energy: Double
    /// Forces, eV/Å: x, y and z of each atom, atom after atom.
    public var forces: [Double]
    /// Virial −V σ (volume times stress), eV, 3×3 row by row; zeros if the engine calculates none.
    public var virial: [Double]
    /// Further output of the engine, in a form that driver and engine have agreed on.
    public var extra: [UInt8]

    public init(
        energy: Double, forces: [Double], virial: [Double] = [Double](repeating: 0, count: 9),
        extra: [UInt8] = []
    ) {
        (self.energy, self.forces, self.virial, self.extra) = (energy, forces, virial, extra)
    }

    /// Returns the stress, eV/Å³, 3×3 row by row, positive under tension as in ASE. Returns nil if there is no cell, or
    /// if the cell has no volume.
    public func stress(in cell: [Double]?) -> [Double]? {
        guard let cell, let volume = Matrix3(cell).volume else { return nil }
        return virial.map { -$0 / volume }
    }
}

/// A 3×3 matrix whose rows are vectors, with the few operations that the protocol needs.
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

    /// The absolute value of the determinant, which is the volume of a cell; nil if it is zero.
    var volume: Double? {
        let determinant = abs(determinant)
        return determinant > 1e-12 ? determinant : nil
    }

    /// The inverse; zeros if the matrix is singular, as ASE sends for a molecule.
    var inverse: Matrix3 {
        let determinant = determinant
        guard abs(determinant) > 1e-12 else { return Matrix3([Double](repeating: 0, count: 9)) }
        return Matrix3((0..<9).map { cofactor($0 % 3, $0 / 3) / determinant })
    }
}

/// The conversions between i-PI's atomic units and eV and Å.
///
/// The values are those of ASE (CODATA 2014), so that a peer that uses ASE receives the numbers
/// that ASE would send.
public enum AtomicUnits {
    /// One Hartree, eV.
    public static let hartree = 27.211386024367243
    /// One Bohr, Å.
    public static let bohr = 0.5291772105638411

    /// Converts lengths from Bohr to Å.
    static func lengths(_ values: [Double]) -> [Double] { values.map { $0 * bohr } }
    /// Converts lengths from Å to Bohr.
    static func bohrs(_ values: [Double]) -> [Double] { values.map { $0 / bohr } }
    /// Converts inverse lengths from 1/Å to 1/Bohr.
    static func inverseBohrs(_ values: [Double]) -> [Double] { values.map { $0 * bohr } }
    /// Converts energies and virials from Hartree to eV.
    static func energies(_ values: [Double]) -> [Double] { values.map { $0 * hartree } }
    /// Converts energies and virials from eV to Hartree.
    static func hartrees(_ values: [Double]) -> [Double] { values.map { $0 / hartree } }
    /// Converts forces from Hartree/Bohr to eV/Å.
    static func forces(_ values: [Double]) -> [Double] { values.map { $0 * (hartree / bohr) } }
    /// Converts forces from eV/Å to Hartree/Bohr.
    static func atomicForces(_ values: [Double]) -> [Double] { values.map { $0 / (hartree / bohr) } }
}

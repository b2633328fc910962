public import DurableFiles
import FoundationEssentials
import Atomistics

/// The handed-off data with which the result is compared.
public struct HandoffExpectation: Sendable, Equatable, Codable {
    public var inputs: Digest
    public var parameters: HandoffParameters
    /// Element symbols in the order of the atoms.
    public var symbols: [String]
    /// Positions as sent, Å; three numbers per atom.
    public var positions: [[Double]]
    /// Lattice vectors as rows, Å; nil for a molecule.
    public var cell: [[Double]]?
    /// True for each lattice vector along which the structure repeats; nil for a molecule.
    public var pbc: [Bool]?

    /// Largest displacement of an atom in a result without a trajectory, Å, apart from a shift of
    /// the whole structure.
    public static let largestDisplacement = 4.0

    var fixed: Set<Int> { Set(parameters.fixedAtoms) }
    var vectors: [SIMD3<Double>] { positions.map { [$0[0], $0[1], $0[2]] } }

    /// Returns the largest norm of a force, eV/Å. Only atoms that may move count, and only the force along their free
    /// axes.
    func fmax(_ forces: [SIMD3<Double>]) -> Double {
        let fixed = fixed
        var forces = forces
        for i in parameters.fixedCoordinates ?? [] where forces.indices.contains(i / 3) {
            forces[i / 3][i % 3] = 0
        }
        return forces.indices.lazy.filter { !fixed.contains($0) }.map { forces[$0].length }.max() ?? 0
    }

    /// Reads the files of a package on disk, checks their digests, and makes the expectation from them.
    ///
    /// - Throws: ``PackageRefusal``.
    public init(package directory: Directory) throws {
        let manifest = try PackageCheck.verify(directory, roles: [.input])
        let bytes = try PackageCheck.content("parameters.json", directory)
        let parameters = try JSONDecoder().decode(HandoffParameters.self, from: Data(bytes))
        let initial = try ExtXYZ.frames(
            in: try PackageCheck.content("initial.extxyz", directory), label: "initial.extxyz")
        guard initial.count == 1 else { throw PackageRefusal.damaged("initial.extxyz") }
        self.init(
            inputs: manifest.inputs, parameters: parameters, symbols: initial[0].elements.map(\.symbol),
            cell: initial[0])
    }

    /// - Parameter cell: the structure that was sent.
    init(inputs: Digest, parameters: HandoffParameters, symbols: [String], cell: Atoms) {
        self.inputs = inputs
        self.parameters = parameters
        self.symbols = symbols
        positions = cell.positions.map { [$0.x, $0.y, $0.z] }
        if cell.periodicity.isPeriodic, let its = cell.cell {
            self.cell = [its.a, its.b, its.c].map { [$0.x, $0.y, $0.z] }
            pbc = [cell.periodicity.a, cell.periodicity.b, cell.periodicity.c]
        }
    }
}

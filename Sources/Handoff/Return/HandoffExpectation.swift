public import DurableFiles
import FoundationEssentials
import Atomistics

/// The handed-off data that the check of the result needs.
public struct HandoffExpectation: Sendable, Equatable, Codable {
    public var inputs: Digest
    public var parameters: HandoffParameters
    /// Element symbols in order.
    public var symbols: [String]
    /// Positions as sent, Å; three numbers per atom.
    public var positions: [[Double]]
    /// Lattice vectors as rows, Å, and along which of them the structure repeats; nil for a molecule.
    public var cell: [[Double]]?
    public var pbc: [Bool]?

    /// Largest displacement of an atom in a result without a trajectory, Å, apart from a shift of
    /// the whole structure.
    public static let largestDisplacement = 4.0

    var fixed: Set<Int> { Set(parameters.fixedAtoms) }
    var vectors: [SIMD3<Double>] { positions.map { [$0[0], $0[1], $0[2]] } }

    /// Returns the largest force norm of an atom that may move, along its free axes, eV/Å.
    func fmax(_ forces: [SIMD3<Double>]) -> Double {
        let fixed = fixed
        var forces = forces
        for i in parameters.fixedCoordinates ?? [] where forces.indices.contains(i / 3) {
            forces[i / 3][i % 3] = 0
        }
        return forces.indices.lazy.filter { !fixed.contains($0) }.map { forces[$0].length }.max() ?? 0
    }

    /// Reads the expectation of a package on disk from its own files, after checking their digests.
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

    /// - Parameter cell: the structure as sent.
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

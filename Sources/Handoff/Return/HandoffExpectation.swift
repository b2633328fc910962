public import DurableFiles
import FoundationEssentials
import Atomistics

/// What was handed off, as far as the check of its result needs it.
public struct HandoffExpectation: Sendable, Equatable, Codable {
    public var inputs: Digest
    public var parameters: HandoffParameters
    /// Element symbols in order.
    public var symbols: [String]
    /// As sent, Å; three numbers an atom.
    public var positions: [[Double]]

    /// Largest displacement of an atom from where it was sent that a result without a trajectory may show, Å,
    /// the shift of the whole structure apart.
    public static let largestDisplacement = 4.0

    var fixed: Set<Int> { Set(parameters.fixedAtoms) }
    var vectors: [SIMD3<Double>] { positions.map { [$0[0], $0[1], $0[2]] } }

    /// Largest force norm of an atom that may move, along the directions in which it may, eV/Å.
    func fmax(_ forces: [SIMD3<Double>]) -> Double {
        let fixed = fixed
        var forces = forces
        for i in parameters.fixedCoordinates ?? [] where forces.indices.contains(i / 3) {
            forces[i / 3][i % 3] = 0
        }
        return forces.indices.lazy.filter { !fixed.contains($0) }.map { forces[$0].length }.max() ?? 0
    }

    /// What a package on disk expects: from its own files, whose digests are checked.
    ///
    /// - Throws: ``PackageRefusal``.
    public init(package directory: Directory) throws {
        let manifest = try PackageCheck.verify(directory, roles: [.input])
        let bytes = try PackageCheck.content("parameters.json", directory)
        parameters = try JSONDecoder().decode(HandoffParameters.self, from: Data(bytes))
        inputs = manifest.inputs
        let initial = try ExtXYZ.frames(
            in: try PackageCheck.content("initial.extxyz", directory), label: "initial.extxyz")
        guard initial.count == 1 else { throw PackageRefusal.damaged("initial.extxyz") }
        symbols = initial[0].elements.map(\.symbol)
        positions = initial[0].positions.map { [$0.x, $0.y, $0.z] }
    }

    init(inputs: Digest, parameters: HandoffParameters, symbols: [String], positions: [[Double]]) {
        self.inputs = inputs
        self.parameters = parameters
        self.symbols = symbols
        self.positions = positions
    }
}

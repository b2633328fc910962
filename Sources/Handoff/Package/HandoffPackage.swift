public import Atomistics
public import DurableFiles
import FoundationEssentials
public import JobSpec
import LinearAlgebra
import SystemPackage

/// What is to be calculated outside.
public struct HandoffRequest: Sendable {
    /// What a job file does not say.
    public struct Options: Sendable, Equatable {
        /// Smallest curvature that the optimiser starts from where there is a Hessian, eV/Å²; below about 0.5 it
        /// takes steps that leave the basin, and from 8 on it learns the soft modes anew (docs/hand-off.md).
        public var hessianFloor = 2.0
        /// What the geometry has to pass.
        public var geometry = GeometryCheck()
        /// Self-consistency cycles of one geometry after which GPAW gives up.
        public var maxSCFCycles = 200

        public init() {}
    }

    public var job: String
    /// Place of the stage in the job, as the caller counts; it comes back unchanged.
    public var stage: Int
    public var attempt: Int
    public var atoms: Atoms
    public var settings: DFTStage
    /// What the structure was before a model relaxed it: what is missing or has gone astray since then is
    /// seen against it. Nil for a geometry as the user gave it.
    public var reference: Atoms?
    /// Total charge, e.
    public var charge: Int
    /// True for each atom that may move; nil where all may.
    public var movable: [Bool]?
    /// Coordinates that keep their values although their atom moves, 3 · atom + axis, ascending.
    public var fixedCoordinates: [Int] = []
    /// ∂²E/∂r∂r of a model at this geometry, 3N×3N, row-major, eV/Å²; the optimiser starts from it.
    public var hessian: [Double]?
    /// What a learning relaxation adds its correction to; nil for no base.
    public var base: LearningBase?
    /// Labelled geometries of an earlier job that a learning relaxation learns from first.
    public var learnt: [Atoms] = []
    public var origin: GeometryOrigin
    public var options: Options

    public init(
        job: String, stage: Int, attempt: Int, atoms: Atoms, reference: Atoms? = nil,
        settings: DFTStage, charge: Int,
        movable: [Bool]? = nil, hessian: [Double]? = nil, origin: GeometryOrigin,
        options: Options = Options()
    ) {
        self.job = job
        self.stage = stage
        self.attempt = attempt
        self.atoms = atoms
        self.reference = reference
        self.settings = settings
        self.charge = charge
        self.movable = movable
        self.hessian = hessian
        self.origin = origin
        self.options = options
    }
}

/// A self-contained calculation for a machine that has the engine and not this program: the files, in the
/// order in which they are to be written.
///
/// The same request gives the same bytes.
public struct HandoffPackage: Sendable {
    public let manifest: HandoffManifest
    /// `MANIFEST.json` is the last.
    public let files: [PublishedFile]
    /// What ``ReturnedResult`` compares with.
    public let expectation: HandoffExpectation
    /// SHA-256 of `MANIFEST.json`, and through it of every file: what ``PackageServer`` asks for.
    public let digest: Digest

    /// - Throws: ``HandoffRefusal`` with all that speaks against handing the structure off.
    public init(_ request: HandoffRequest) throws {
        try HandoffGate.check(request)
        var parameters = HandoffParameters(request)
        if parameters.optimizer.base != nil, !request.learnt.isEmpty {
            parameters.optimizer.base?.frames = LearningBase.framesFile
        }
        let initial = Self.initialStructure(request)

        var further: [AssembledPackage.Input] = []
        if let hessian = request.hessian {
            let matrix = Matrix(
                rows: 3 * initial.count, columns: 3 * initial.count, storage: hessian)
            further.append(("hessian.npy", matrix.npy))
        }
        if parameters.optimizer.base?.frames != nil {
            further.append(("learnt.extxyz", ExtXYZ.bytes(of: request.learnt)))
        }
        let assembled = try AssembledPackage(
            geometry: ("initial.extxyz", ExtXYZ.bytes(of: [initial])), parameters,
            scripts: [("relaxation.py", PackageResources.relaxation_py)], further: further,
            atoms: initial.count, readme: readme(parameters, initial),
            expected: ReturnedFile.required, origin: request.origin)
        (manifest, files, digest) = (assembled.manifest, assembled.files, assembled.digest)
        expectation = HandoffExpectation(
            inputs: manifest.inputs, parameters: parameters, symbols: initial.elements.map(\.symbol),
            positions: initial.positions.map { [$0.x, $0.y, $0.z] })
    }

    /// Elements, positions and the mask: nothing else decides the calculation.
    private static func initialStructure(_ request: HandoffRequest) -> Atoms {
        var atoms = Atoms(elements: request.atoms.elements, positions: request.atoms.positions)
        if let movable = request.movable, movable.contains(false) { atoms.moveMask = movable }
        atoms.fixedCoordinates = request.fixedCoordinates
        return atoms
    }
}

extension SIMD3<Double> {
    var isFinite: Bool { x.isFinite && y.isFinite && z.isFinite }
}

/// JSON that people read too: keys in alphabetical order, one a line.
func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
}

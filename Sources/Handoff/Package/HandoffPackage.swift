public import Atomistics
public import DurableFiles
public import JobSpec
import LinearAlgebra
import SystemPackage

/// A request to make a package for a relaxation.
public struct HandoffRequest: Sendable {
    /// Settings that a job file does not have.
    public struct Options: Sendable, Equatable {
        /// The checks of the geometry.
        public var geometry = GeometryCheck()
        /// Largest number of SCF cycles for one geometry in GPAW.
        public var maxSCFCycles = 200

        public init() {}
    }

    public var job: String
    /// Number of the stage in the job, as the caller counts stages; it is written into the package unchanged.
    public var stage: Int
    public var attempt: Int
    public var atoms: Atoms
    public var settings: DFTStage
    /// The structure before the relaxation by a model. Separated fragments and displaced atoms are found by comparison
    /// with it. Nil if no model has relaxed the geometry.
    public var reference: Atoms?
    /// Total charge, e.
    public var charge: Int
    /// True for each atom that may move. Nil means that all may.
    public var movable: [Bool]?
    /// The fixed coordinates of atoms that may move along other axes, as 3 · atom + axis, ascending.
    public var fixedCoordinates: [Int] = []
    /// The optimiser's initial Hessian: ∂²E/∂r∂r of a model at this geometry, 3N×3N, row-major, eV/Å². Nil if there is
    /// none.
    public var hessian: [Double]?
    /// The base force field of a learning relaxation. Nil means that there is none.
    public var base: LearningBase?
    /// Labelled geometries of an earlier job; a learning relaxation learns from them before its first gradient.
    public var learnt: [Atoms] = []
    public var origin: GeometryOrigin
    /// The definition of an engine of the spool. Nil means that the engine is GPAW or tblite.
    public var engine: PackagedEngine?
    public var options: Options

    /// Compares a given level of theory, for example a frame's, with the level of this calculation. Returns nil if they
    /// agree, otherwise the level of this calculation.
    public func levelOtherThan(_ level: String) -> String? {
        do {
            try HandoffParameters(self).checkLevel(level)
            return nil
        } catch {
            let (prefix, suffix) = HandoffParameters(self).levelOfTheory
            return "\(prefix)<version>\(suffix)"
        }
    }

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

/// A self-contained calculation for a machine that has the engine but not this program.
///
/// Equal requests give equal bytes.
public struct HandoffPackage: Sendable {
    public let manifest: HandoffManifest
    /// The files in the order in which they are written; `MANIFEST.json` is the last.
    public let files: [PublishedFile]
    /// The data that ``ReturnedResult`` compares the result with.
    public let expectation: HandoffExpectation
    /// SHA-256 of `MANIFEST.json`, which contains the digests of all files; ``PackageServer`` identifies the package
    /// by it.
    public let digest: Digest

    /// - Throws: ``HandoffRefusal`` with all reasons against the hand-off.
    public init(_ request: HandoffRequest) throws {
        try HandoffGate.check(request)
        var parameters = HandoffParameters(request)
        if parameters.optimizer.base != nil, !request.learnt.isEmpty {
            parameters.optimizer.base?.frames = LearningBase.framesFile
        }
        let initial = Self.initialStructure(request)

        var further: [AssembledPackage.Input] = []
        if let hessian = request.hessian {
            if initial.count > CompactHessian.largestDense {
                further.append(("hessian-blocks.npy", CompactHessian(hessian, atoms: initial.count).npy))
            } else {
                let matrix = Matrix(
                    rows: 3 * initial.count, columns: 3 * initial.count, storage: hessian)
                further.append(("hessian.npy", matrix.npy))
            }
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
            cell: initial)
    }

    /// Returns a structure with the elements, positions, cell and move mask of the request's structure, which are all
    /// that determines the calculation.
    private static func initialStructure(_ request: HandoffRequest) -> Atoms {
        var atoms = Atoms(elements: request.atoms.elements, positions: request.atoms.positions)
        if request.atoms.periodicity.isPeriodic {
            (atoms.cell, atoms.periodicity) = (request.atoms.cell, request.atoms.periodicity)
        }
        if let movable = request.movable, movable.contains(false) { atoms.moveMask = movable }
        atoms.fixedCoordinates = request.fixedCoordinates
        return atoms
    }
}

public import Atomistics
public import DurableFiles
public import JobSpec
import OrderedCollections
import SystemPackage

/// A request to make a package for single points: energies and forces of several geometries.
public struct SinglePointsRequest: Sendable {
    public var job: String
    /// Number of the stage in the job, as the caller counts stages; it is written into the package unchanged.
    public var stage: Int
    public var attempt: Int
    /// The geometries, with the same atoms in the same order.
    public var frames: [Atoms]
    /// Step of each frame in its path.
    public var steps: [Int]
    public var settings: DFTStage
    /// Total charge, e.
    public var charge: Int
    public var origin: GeometryOrigin
    /// The definition of an engine of the spool. Nil means that the engine is GPAW or tblite.
    public var engine: PackagedEngine?
    /// Self-consistency cycles of one geometry after which GPAW gives up.
    public var maxSCFCycles = HandoffRequest.Options().maxSCFCycles

    /// - Precondition: there are as many steps as frames.
    public init(
        job: String, stage: Int, attempt: Int, frames: [Atoms], steps: [Int], settings: DFTStage,
        charge: Int, origin: GeometryOrigin
    ) {
        precondition(frames.count == steps.count, "one step per frame")
        (self.job, self.stage, self.attempt) = (job, stage, attempt)
        (self.frames, self.steps) = (frames, steps)
        (self.settings, self.charge, self.origin) = (settings, charge, origin)
    }

    /// The reasons to refuse the request. Bad geometries are accepted, because single points are meant to assess them;
    /// only geometries with which no calculation can start are refused.
    fileprivate var problems: [HandoffRefusal.Reason] {
        var reasons: [HandoffRefusal.Reason] = Job.isName(job) ? [] : [.unsafeName(job)]
        guard let first = frames.first, first.count > 0 else { return reasons + [.noAtoms] }
        reasons += HandoffRefusal.reasons(ofCell: first, settings, charge: charge)
        for (frame, step) in zip(frames, steps) where !frame.hasSameCell(as: first) {
            reasons.append(.otherCell(step: step))
        }
        for (frame, step) in zip(frames, steps) where frame.elements != first.elements {
            reasons.append(.otherAtoms(step: step))
        }
        for (frame, step) in zip(frames, steps) where !frame.positions.allSatisfy(\.isFinite) {
            reasons.append(.notFinite(step: step))
        }
        return reasons
    }
}

/// `parameters.json` of a package of single points.
public struct SinglePointsParameters: Sendable, Equatable, Codable, CalculationParameters {
    public var format = HandoffManifest.currentFormat
    public var job: String
    public var stage: Int
    public var attempt: Int
    public var engine: DFTStage.Engine
    public var charge: Int
    /// Number of geometries.
    public var points: Int
    /// `T` or `F` for each lattice vector: whether the structure repeats along it. Nil for a molecule.
    public var pbc: String?
    public var gpaw: HandoffParameters.GPAW?
    /// The definition of an engine of the spool; nil for GPAW and tblite.
    public var definition: PackagedEngine?

    init(_ request: SinglePointsRequest) {
        (job, stage, attempt) = (request.job, request.stage, request.attempt)
        (engine, charge, points) = (request.settings.engine, request.charge, request.frames.count)
        let first = request.frames.first
        gpaw = .init(
            request.settings, maxSCFCycles: request.maxSCFCycles, first?.elements ?? [],
            first?.periodicity ?? .none, charge: request.charge)
        pbc = first.flatMap { $0.periodicity.isPeriodic ? $0.periodicity.text : nil }
        definition = request.engine
    }
}

/// A self-contained calculation of energies and forces of several geometries; several processes may share it.
///
/// Equal requests give equal bytes.
public struct SinglePointsPackage: Sendable {
    public let manifest: HandoffManifest
    /// The files in the order in which they are written; `MANIFEST.json` is the last.
    public let files: [PublishedFile]
    /// The data that ``ReturnedPoints`` compares the points with.
    public private(set) var expectation: SinglePointsExpectation
    /// SHA-256 of `MANIFEST.json`.
    public let digest: Digest

    /// - Throws: ``HandoffRefusal`` with all reasons.
    public init(_ request: SinglePointsRequest) throws {
        let problems = request.problems
        guard problems.isEmpty else { throw HandoffRefusal(reasons: problems) }
        let parameters = SinglePointsParameters(request)
        let frames = zip(request.frames, request.steps).map(Self.bare)
        let assembled = try AssembledPackage(
            geometry: ("frames.extxyz", ExtXYZ.bytes(of: frames)), parameters,
            scripts: [
                ("relaxation.py", PackageResources.relaxation_py),
                ("single_points.py", PackageResources.single_points_py),
            ], atoms: frames[0].count, points: frames.count,
            readme: readme(parameters, frames[0]), expected: SinglePointsExpectation.files,
            origin: request.origin)
        (manifest, files, digest) = (assembled.manifest, assembled.files, assembled.digest)
        expectation = SinglePointsExpectation(
            inputs: manifest.inputs, parameters: parameters, symbols: frames[0].elements.map(\.symbol),
            geometries: zip(frames, request.steps).map { .init(step: $1, positions: $0.positions) })
        expectation.takeCell(of: frames[0])
    }

    /// Returns the geometry with its step and the model's predictions (`ml_energy`, `ml_fmax`), but without the energy
    /// and forces of a calculation.
    private static func bare(_ atoms: Atoms, _ step: Int) -> Atoms {
        var frame = Atoms(elements: atoms.elements, positions: atoms.positions)
        if atoms.periodicity.isPeriodic { (frame.cell, frame.periodicity) = (atoms.cell, atoms.periodicity) }
        frame.info["step"] = .integer(step)
        for key in ["ml_energy", "ml_fmax"] { frame.info[key] = atoms.info[key] }
        return frame
    }
}

/// The handed-off data that the check of the points needs.
public struct SinglePointsExpectation: Sendable, Equatable {
    public struct Geometry: Sendable, Equatable {
        public var step: Int
        /// Positions as sent, Å.
        public var positions: [SIMD3<Double>]
    }

    public var inputs: Digest
    public var parameters: SinglePointsParameters
    /// Element symbols in the order of the atoms.
    public var symbols: [String]
    public var geometries: [Geometry]
    /// Lattice vectors as rows, Å, which are the same for all geometries; nil for molecules.
    public var cell: [[Double]]?
    /// True for each lattice vector along which the geometries repeat; nil for molecules.
    public var pbc: [Bool]?

    mutating func takeCell(of atoms: Atoms) {
        guard atoms.periodicity.isPeriodic, let its = atoms.cell else { return }
        cell = [its.a, its.b, its.c].map { [$0.x, $0.y, $0.z] }
        pbc = [atoms.periodicity.a, atoms.periodicity.b, atoms.periodicity.c]
    }

    /// The files of the result in the order in which they are written. The last one shows that the result is complete.
    static let files: [ReturnedFile] = [.trajectory, .status, .done]
}

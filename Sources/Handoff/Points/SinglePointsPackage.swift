public import Atomistics
public import DurableFiles
public import JobSpec
import OrderedCollections
import SystemPackage

/// Geometries whose energies and forces are to be calculated outside.
public struct SinglePointsRequest: Sendable {
    public var job: String
    /// Place of the stage in the job, as the caller counts; it comes back unchanged.
    public var stage: Int
    public var attempt: Int
    /// The same atoms in the same order in each.
    public var frames: [Atoms]
    /// Of each frame in the path that it is of.
    public var steps: [Int]
    public var settings: DFTStage
    /// Total charge, e.
    public var charge: Int
    public var origin: GeometryOrigin
    /// The definition of an engine of the spool; nil for GPAW and tblite.
    public var engine: PackagedEngine?
    /// Self-consistency cycles of one geometry after which GPAW gives up.
    public var maxSCFCycles = HandoffRequest.Options().maxSCFCycles

    /// - Precondition: there are as many steps as frames.
    public init(
        job: String, stage: Int, attempt: Int, frames: [Atoms], steps: [Int], settings: DFTStage,
        charge: Int, origin: GeometryOrigin
    ) {
        precondition(frames.count == steps.count, "each frame is of one step")
        (self.job, self.stage, self.attempt) = (job, stage, attempt)
        (self.frames, self.steps) = (frames, steps)
        (self.settings, self.charge, self.origin) = (settings, charge, origin)
    }

    /// Geometries are taken as they are, good or bad: that they are scored is why somebody asks. What no calculation
    /// could begin with is refused.
    fileprivate var problems: [HandoffRefusal.Reason] {
        var reasons: [HandoffRefusal.Reason] = Job.isName(job) ? [] : [.unsafeName(job)]
        guard let first = frames.first, first.count > 0 else { return reasons + [.noAtoms] }
        if frames.contains(where: \.periodicity.isPeriodic) { reasons.append(.periodic) }
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
    public var gpaw: HandoffParameters.GPAW?
    /// An engine of the spool.
    public var definition: PackagedEngine?

    init(_ request: SinglePointsRequest) {
        (job, stage, attempt) = (request.job, request.stage, request.attempt)
        (engine, charge, points) = (request.settings.engine, request.charge, request.frames.count)
        gpaw = .init(request.settings, maxSCFCycles: request.maxSCFCycles)
        definition = request.engine
    }
}

/// A self-contained calculation of energies and forces of several geometries; several processes may share it.
///
/// The same request gives the same bytes.
public struct SinglePointsPackage: Sendable {
    public let manifest: HandoffManifest
    /// `MANIFEST.json` is the last.
    public let files: [PublishedFile]
    /// What ``ReturnedPoints`` compares with.
    public let expectation: SinglePointsExpectation
    /// SHA-256 of `MANIFEST.json`.
    public let digest: Digest

    /// - Throws: ``HandoffRefusal`` with all that speaks against it.
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
    }

    /// The geometry, its step, and what a model said of it under the model's own names.
    private static func bare(_ atoms: Atoms, _ step: Int) -> Atoms {
        var frame = Atoms(elements: atoms.elements, positions: atoms.positions)
        frame.info["step"] = .integer(step)
        for key in ["ml_energy", "ml_fmax"] { frame.info[key] = atoms.info[key] }
        return frame
    }
}

/// What was handed off, as far as the check of the points needs it.
public struct SinglePointsExpectation: Sendable, Equatable {
    public struct Geometry: Sendable, Equatable {
        public var step: Int
        /// As sent, Å.
        public var positions: [SIMD3<Double>]
    }

    public var inputs: Digest
    public var parameters: SinglePointsParameters
    /// Element symbols in order.
    public var symbols: [String]
    public var geometries: [Geometry]

    /// In the order in which they are written; the marker is the last.
    static let files: [ReturnedFile] = [.trajectory, .status, .done]
}

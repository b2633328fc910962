public import Atomistics
public import DurableFiles
import FoundationEssentials
import OrderedCollections

/// Returned single points that passed every check: they belong to this job, stage and attempt, are at the geometries
/// that were handed off, and were all computed by one method. A point that could not be computed is a result, too.
public struct ReturnedPoints: Sendable, Equatable {
    public struct Point: Sendable, Equatable, Codable {
        /// Step of the geometry in its path.
        public var step: Int
        public var verdict: ResultVerdict
        /// The reason why the point has no energy; nil if it has one.
        public var message: String?
        /// Energy, eV; nil if it could not be computed.
        public var energy: Double?
        /// Largest force norm, eV/Å; nil if it could not be computed.
        public var fmax: Double?
    }

    /// Verdict of the set: converged if every point has converged.
    public var verdict: ResultVerdict
    public var message: String
    /// Number of requested points.
    public var asked: Int
    /// In the order of their steps; fewer than requested only if the calculation crashed.
    public var points: [Point]
    /// The same points as frames. A computed point has energy and forces.
    public var frames: [Atoms]
    public var levelOfTheory: String?
    public var scfCycles: Int?
    /// Total time of all points, s.
    public var wallTime: Double?
    public var versions: [String: String]
    /// Notes for the user, without duplicates.
    public var notes: [String]
    /// SHA-256 of the result's `DONE.json`, which identifies the result.
    public var digest: Digest

    /// Checks the files of a `result/` folder, as ``ReturnedFile/read(from:without:limit:)`` returns them.
    public init(
        _ files: [ReturnedFile: [UInt8]], expecting expected: SinglePointsExpectation
    ) throws(ResultRefusal) {
        let (status, listed) = try ResultStatus.checked(
            files, files[.trajectory].map(ResultTrajectory.bytes), expected.parameters,
            inputs: expected.inputs)
        (verdict, message, levelOfTheory) = (status.verdict, status.message, status.levelOfTheory)
        (scfCycles, wallTime) = (status.scfCycles, status.wallTime)
        (versions, notes) = (status.versions, status.warnings)
        digest = Digest(of: files[.done] ?? [])
        asked = expected.geometries.count
        (points, frames) = ([], [])
        guard listed[.trajectory] != nil else {
            guard verdict == .crashed else { throw .missing(ReturnedFile.trajectory.rawValue) }
            return
        }
        let name = ReturnedFile.trajectory.rawValue
        frames = try parse(.trajectory, in: files)
        var place = 0
        for (index, frame) in frames.enumerated() {
            let (number, point) = try expected.check(frame, file: name, frame: index)
            guard number > place else {
                throw .contradiction(
                    "\(name), frame \(index): point \(number) follows point \(place); expected ascending numbers"
                )
            }
            place = number
            points.append(point)
        }
        guard points.count == asked || verdict == .crashed else {
            throw .contradiction("\(name) has \(counted(points.count, "point")), \(asked) were requested")
        }
        let levels = Set(frames.compactMap(\.levelOfTheory))
        guard levels.count <= 1 else {
            throw .contradiction("the points are of several levels of theory: \(levels.sorted())")
        }
        guard
            (verdict == .converged) == points.allSatisfy({ $0.verdict == .converged })
                || verdict == .crashed
        else { throw .contradiction("status.json and the points disagree on which points were calculated") }
    }
}

extension SinglePointsExpectation {
    /// Checks a point: its geometry must be the one that was sent with its number, and it must have energy and forces
    /// if its verdict says so.
    func check(
        _ atoms: Atoms, file: String, frame: Int
    ) throws(ResultRefusal) -> (number: Int, point: ReturnedPoints.Point) {
        try atoms.checkAtoms(are: symbols, inputs: inputs, file: file, frame: frame)
        try checkCell(atoms, file: file, frame: frame)
        guard case .integer(let number)? = atoms.info["point"], geometries.indices.contains(number - 1),
            atoms.info["step"] == .integer(geometries[number - 1].step)
        else { throw .contradiction("\(file), frame \(frame): no such point was requested") }
        let sent = geometries[number - 1].positions
        let (atom, distance) = largestDistance(sent, nearest(atoms.positions, to: sent))
        guard distance <= 1e-6 else {
            throw .displaced(file: file, frame: frame, atom: atom, by: distance, limit: 1e-6)
        }
        if let level = atoms.levelOfTheory { try parameters.checkLevel(level) }
        guard case .string(let word)? = atoms.info["verdict"], let verdict = ResultVerdict(rawValue: word)
        else { throw .contradiction("\(file), frame \(frame): the verdict is missing") }
        var point = ReturnedPoints.Point(step: geometries[number - 1].step, verdict: verdict)
        if case .string(let message)? = atoms.info["message"] { point.message = message }
        guard verdict == .converged else { return (number, point) }
        let (energy, forces) = try atoms.checkedLabels(file: file, frame: frame)
        (point.energy, point.fmax) = (energy, forces.map(\.length).max())
        return (number, point)
    }

    /// Reads the files of a package on disk, checks their digests, and makes the expectation from them.
    ///
    /// - Throws: ``PackageRefusal``.
    public init(package directory: Directory) throws {
        let manifest = try PackageCheck.verify(directory, roles: [.input])
        inputs = manifest.inputs
        parameters = try JSONDecoder().decode(
            SinglePointsParameters.self, from: Data(PackageCheck.content("parameters.json", directory)))
        let frames = try ExtXYZ.frames(
            in: try PackageCheck.content("frames.extxyz", directory), label: "frames.extxyz")
        guard let first = frames.first, frames.count == parameters.points else {
            throw PackageRefusal.damaged("frames.extxyz")
        }
        symbols = first.elements.map(\.symbol)
        geometries = try frames.map { frame in
            guard case .integer(let step)? = frame.info["step"], frame.elements == first.elements else {
                throw PackageRefusal.damaged("frames.extxyz")
            }
            return Geometry(step: step, positions: frame.positions)
        }
        takeCell(of: first)
    }
}

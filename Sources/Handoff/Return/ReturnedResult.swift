public import Atomistics
public import DurableFiles
import FoundationEssentials
import JobSpec

/// A result that has passed every check: it belongs to this job, stage and attempt, was computed from the inputs that
/// were handed off, and is complete and plausible. A calculation that did not converge is a result, too.
public struct ReturnedResult: Sendable, Equatable {
    /// Energies (eV) and largest forces (eV/Å) of the path's geometries in order.
    public struct Path: Sendable, Equatable {
        public var energies: [Double]
        public var fmax: [Double]
        public var steps: Int { max(energies.count - 1, 0) }
    }

    public var verdict: ResultVerdict
    /// The verdict in words, for users.
    public var message: String
    public var isConverged: Bool { verdict == .converged }
    /// The final geometry with energy, raw forces and level of theory; nil if no geometry was
    /// completed.
    public var final: Atoms?
    /// The geometry with the lowest energy; nil if the calculation converged.
    public var best: Atoms?
    public var path: Path
    public var levelOfTheory: String?
    /// The engine that the result names; nil if it names none.
    public var engine: String?
    public var gradientCalls: Int?
    public var scfCycles: Int?
    /// Duration of the calculation, s.
    public var wallTime: Double?
    /// Processor time of all processes, s; nil if the result lacks it.
    public var processorTime: Double?
    public var versions: [String: String]
    public var host: String?
    public var ranks: Int?
    /// `learning` or `bfgs`: the optimiser that took the steps; nil if the result does not say.
    public var optimizer: String?
    /// Name of the base force field of the learning relaxation.
    public var base: String?
    /// The reason why the requested optimiser did not take the steps; nil if it did.
    public var optimizerNote: String?
    /// Number of relaxation steps on the base force field before the engine's first gradient.
    public var baseSteps: Int?
    /// Notes for the user, without duplicates.
    public var notes: [String]
    /// SHA-256 of the result's `DONE.json`, or of the file from the inbox. It identifies the result, so that a result
    /// is accepted only once.
    public var digest: Digest

    /// Checks the files of a `result/` folder, as ``ReturnedFile/read(from:without:limit:)`` returns them.
    public init(
        _ files: [ReturnedFile: [UInt8]], expecting expected: HandoffExpectation
    ) throws(ResultRefusal) {
        try self.init(files, files[.trajectory].map(ResultTrajectory.bytes), expected)
    }

    /// Checks a result in its folder. The memory for this does not grow with the number of the result's steps.
    public init(_ stored: StoredResult, expecting expected: HandoffExpectation) throws(ResultRefusal) {
        try self.init(stored.files, stored.trajectory, expected)
    }

    private init(
        _ files: [ReturnedFile: [UInt8]], _ trajectory: ResultTrajectory?, _ expected: HandoffExpectation
    ) throws(ResultRefusal) {
        let parameters = expected.parameters
        let (status, listed) = try ResultStatus.checked(
            files, trajectory, parameters, inputs: expected.inputs)
        verdict = status.verdict
        message = status.message
        levelOfTheory = status.levelOfTheory
        engine = status.engine
        gradientCalls = status.gradientCalls
        scfCycles = status.scfCycles
        wallTime = status.wallTime
        processorTime = status.processorTime
        versions = status.versions
        host = status.host
        ranks = status.ranks
        (optimizer, base) = (status.optimizer, status.base)
        (optimizerNote, baseSteps) = (status.optimizerNote, status.baseSteps)
        notes = status.warnings
        digest = Digest(of: files[.done] ?? [])
        path = Path(energies: [], fmax: [])

        guard let trajectory, let trajectoryDigest = listed[.trajectory] else {
            guard verdict != .converged, verdict != .stepLimit else {
                throw .missing(ReturnedFile.trajectory.rawValue)
            }
            return
        }
        let best = listed[.best] == nil ? nil : try Self.single(.best, in: files, expected)
        let last: CheckedFrame
        let isBestThere: Bool
        (path, last, isBestThere) = try Self.walk(trajectory, trajectoryDigest, expected, lookingFor: best)
        guard path.steps == status.steps else {
            throw .contradiction(
                "status.json counts \(counted(status.steps, "step")), trajectory.extxyz has \(path.steps)")
        }
        guard listed[.final] != nil else { throw .missing(ReturnedFile.final.rawValue) }
        let end = try Self.single(.final, in: files, expected)
        guard end.isSame(as: last) else {
            throw .contradiction(
                "\(ReturnedFile.final.rawValue) differs from the last frame of trajectory.extxyz")
        }
        guard isBestThere else {
            throw .contradiction("\(ReturnedFile.best.rawValue) is not a frame of trajectory.extxyz")
        }
        final = end.atoms
        self.best = best?.atoms
        if isConverged, let fmax = path.fmax.last, fmax >= parameters.optimizer.fmax {
            throw .notConverged(fmax: fmax, limit: parameters.optimizer.fmax)
        }
    }

    /// Checks the trajectory frame by frame.
    ///
    /// - Parameter best: a frame to look for in the trajectory.
    /// - Returns: the path, its last frame, and whether `best` is in the trajectory.
    private static func walk(
        _ trajectory: ResultTrajectory, _ digest: Digest, _ expected: HandoffExpectation,
        lookingFor best: CheckedFrame?
    ) throws(ResultRefusal) -> (Path, last: CheckedFrame, isBestThere: Bool) {
        let name = ReturnedFile.trajectory.rawValue
        var path = Path(energies: [], fmax: [])
        var check = PathCheck(expected, file: name)
        var isBestThere = best == nil
        try trajectory.forEachFrame(digest) { (index, atoms) throws(ResultRefusal) in
            if let level = atoms.levelOfTheory { try expected.parameters.checkLevel(level) }
            let frame = try expected.check(atoms, file: name, frame: index)
            try check.add(frame)
            path.energies.append(frame.energy)
            path.fmax.append(frame.fmax)
            if let best, best.isSame(as: frame) { isBestThere = true }
        }
        guard let last = check.last else { throw .noFrames(name) }
        try check.finish()
        return (path, last, isBestThere)
    }

    /// Returns the last frame of a file after checking it.
    private static func single(
        _ file: ReturnedFile, in files: [ReturnedFile: [UInt8]], _ expected: HandoffExpectation
    ) throws(ResultRefusal) -> CheckedFrame {
        let atoms = try parse(file, in: files)
        guard let last = atoms.last else { throw .noFrames(file.rawValue) }
        return try expected.check(last, file: file.rawValue, frame: atoms.count - 1)
    }
}

extension ResultStatus {
    /// Checks that a result is complete and consistent, and belongs to this package.
    ///
    /// - Returns: the result's status, and the digests of its files.
    static func checked(
        _ files: [ReturnedFile: [UInt8]], _ trajectory: ResultTrajectory?,
        _ parameters: some CalculationParameters, inputs: Digest
    ) throws(ResultRefusal) -> (status: ResultStatus, listed: [ReturnedFile: Digest]) {
        let marker: ResultMarker = try decode(.done, in: files)
        guard marker.format == HandoffManifest.currentFormat else { throw .otherFormat(marker.format) }
        try parameters.checkIdentity(job: marker.job, stage: marker.stage, attempt: marker.attempt)
        guard marker.inputs == inputs else { throw .otherInputs }
        var listed: [ReturnedFile: Digest] = [:]
        for file in marker.files {
            guard let known = ReturnedFile(rawValue: file.name) else { continue }
            guard let content = known == .trajectory ? trajectory : files[known].map(ResultTrajectory.bytes)
            else { throw .missing(file.name) }
            guard try content.isWhole(size: file.size, file.sha256) else { throw .damaged(file.name) }
            listed[known] = file.sha256
        }

        guard listed[.status] != nil else { throw .missing(ReturnedFile.status.rawValue) }
        let status: ResultStatus = try decode(.status, in: files)
        try parameters.checkIdentity(job: status.job, stage: status.stage, attempt: status.attempt)
        guard status.inputs == inputs else { throw .otherInputs }
        guard status.units == .ours else {
            throw .wrongUnits("status.json is not in Å, eV, eV/Å and s")
        }
        guard status.engine == parameters.engine.rawValue else {
            throw .otherEngine(expected: parameters.engine.rawValue, found: status.engine)
        }
        guard status.charge == parameters.charge else {
            throw .otherCharge(expected: parameters.charge, found: status.charge)
        }
        guard status.verdict == marker.verdict, status.converged == (status.verdict == .converged) else {
            throw .contradiction("status.json and DONE.json disagree on how the calculation ended")
        }
        guard status.verdict != .stopped else {
            throw .contradiction(
                "status.json says that the calculation was stopped, but DONE.json says that it ended")
        }
        if let level = status.levelOfTheory { try parameters.checkLevel(level) }
        return (status, listed)
    }
}

extension CalculationParameters {
    fileprivate func checkIdentity(job: String, stage: Int, attempt: Int) throws(ResultRefusal) {
        guard job == self.job else { throw .otherJob(expected: self.job, found: job) }
        guard stage == self.stage else { throw .otherStage(expected: self.stage, found: stage) }
        guard attempt == self.attempt else {
            throw .otherAttempt(expected: self.attempt, found: attempt)
        }
    }

    func checkLevel(_ level: String) throws(ResultRefusal) {
        let (prefix, suffix) = levelOfTheory
        guard level.hasPrefix(prefix), level.hasSuffix(suffix), level.count > prefix.count + suffix.count
        else { throw .otherLevelOfTheory(expected: "\(prefix)<version>\(suffix)", found: level) }
    }
}

private func decode<Value: Decodable>(
    _ file: ReturnedFile, in files: [ReturnedFile: [UInt8]]
) throws(ResultRefusal) -> Value {
    guard let bytes = files[file] else { throw .missing(file.rawValue) }
    do {
        return try JSONDecoder().decode(Value.self, from: Data(bytes))
    } catch {
        throw .unreadable(file.rawValue, reason: "\(error)")
    }
}

func parse(
    _ file: ReturnedFile, in files: [ReturnedFile: [UInt8]]
) throws(ResultRefusal) -> [Atoms] {
    guard let bytes = files[file] else { throw .missing(file.rawValue) }
    do {
        return try ExtXYZ.frames(in: bytes, label: file.rawValue)
    } catch {
        throw .unreadable(file.rawValue, reason: "\(error)")
    }
}

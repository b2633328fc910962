public import DurableFiles
import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// Runs packages on this machine, each in its own session.
///
/// After any interruption, including a kill of this program, the next start resumes the run: the scripts save every
/// step, the lock is released when its process ends, and left-over processes of the last run are killed first.
public struct LocalRunner: Sendable {
    public struct Options: Sendable, Equatable {
        /// Name or path of the Python program.
        public var python = "python3"
        public var mpiexec = "mpiexec"
        /// Path of `aurelax`, which steers a learning relaxation. Nil means the program that `AURELAX_PROGRAM` names,
        /// or `aurelax` in PATH.
        public var program: String?
        /// Number of processes. Nil means that `run.sh` chooses it.
        public var ranks: Int?
        /// Time between the request to stop and the kill.
        public var grace: Duration = .seconds(10)
        /// A run that writes no file in its result for this time counts as dead and is killed.
        public var silence: Duration = .seconds(3600)

        public init() {}

        /// Returns the options with the values of AURELAX_PYTHON, AURELAX_MPIEXEC and AURELAX_RANKS, if the environment
        /// has them.
        public static func from(environment: [String: String]) -> Options {
            var options = Options()
            options.python = environment["AURELAX_PYTHON"] ?? options.python
            options.mpiexec = environment["AURELAX_MPIEXEC"] ?? options.mpiexec
            options.ranks = environment["AURELAX_RANKS"].flatMap { Int($0) }
            return options
        }
    }

    public let options: Options

    public init(_ options: Options = Options()) { self.options = options }

    /// Runs the package until it ends. If the task is cancelled, the calculation is asked to stop,
    /// and is killed after ``Options/grace``.
    ///
    /// - Parameters:
    ///   - progress: called for each new state of the calculation, at most about twice a second.
    ///   - isPublished: returns false for the SHA-256 of a `MANIFEST.json` that must be refused.
    /// - Throws: ``PackageRefusal`` for an incomplete or damaged package; ``FileError``.
    public func run(
        _ package: Directory, progress: @escaping @Sendable (RunProgress) -> Void = { _ in },
        isPublished: (Digest) throws -> Bool = { _ in true }
    ) async throws -> RunOutcome {
        let manifest = try PackageCheck.verify(package, isPublished: isPublished)
        let result = try PackageLayout.makeResult(of: package)
        let lock: ExclusiveLock
        do {
            lock = try ExclusiveLock(".runner.lock", in: result)
        } catch let held as LockHeld {
            return .busy(held.holder)
        }
        defer { withExtendedLifetime(lock) {} }

        switch try verdict(result, manifest) {
        case .refused(let reason): return .refused(reason)
        case .final(let verdict): return .alreadyFinished(verdict)
        case .none: break
        }
        if Task.isCancelled { return .stopped }
        let processes = RunProcesses(mark: "\(manifest.inputs.hexadecimal)@\(try identity(package))")
        await processes.kill()
        let watch = RunWatch(result: result, silence: options.silence, report: progress)
        let (status, isSilent) = try await start(package, result, processes, watch)
        await processes.kill()

        switch try verdict(result, manifest, anyFinal: true) {
        case .refused(let reason): return .refused(reason)
        case .final(let verdict): return .finished(verdict)
        case .none: break
        }
        if isSilent { return .crashed(status: "no output for \(options.silence)", lastLines: []) }
        if Task.isCancelled || status == .exited(PackageExit.stopped.rawValue) { return .stopped }
        let lines = try result.lastLines(of: "run.log")
        if status == .exited(PackageExit.busy.rawValue) {
            return .busy(lines.last ?? "another process runs the package")
        }
        if status == .exited(PackageExit.refused.rawValue) {
            return .refused(lines.last ?? "run.sh gave no reason")
        }
        return .crashed(status: status.description, lastLines: lines)
    }

    /// Runs `run.sh` and watches it.
    private func start(
        _ package: Directory, _ result: Directory, _ processes: RunProcesses, _ watch: RunWatch
    ) async throws -> (status: TerminationStatus, isSilent: Bool) {
        let log = try FileDescriptor.open(
            result.path.appending("run.log"), .writeOnly, options: [.append, .create, .closeOnExec],
            permissions: FilePermissions(rawValue: 0o644))
        var platform = PlatformOptions()
        platform.createSession = true
        platform.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: options.grace)
        ]
        let configuration = Configuration(
            executable: .path("/bin/sh"), arguments: ["./run.sh"], environment: environment(processes),
            workingDirectory: package.path, platformOptions: platform)
        return try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
            group.addTask {
                try await Subprocess.run(
                    configuration, input: .none,
                    output: .fileDescriptor(log, closeAfterSpawningProcess: true),
                    error: .combinedWithOutput
                ).terminationStatus
            }
            group.addTask {
                await watch.untilSilent()
                return nil
            }
            var isSilent = false
            while let ended = try await group.next() {
                group.cancelAll()
                if let status = ended { return (status, isSilent) }
                isSilent = !Task.isCancelled
            }
            preconditionFailure("the run is one of the two tasks")
        }
    }

    private func environment(_ processes: RunProcesses) -> Environment {
        var values: [Environment.Key: String?] = [
            "AURELAX_PYTHON": absolute(options.python), "AURELAX_MPIEXEC": absolute(options.mpiexec),
            "AURELAX_RANKS": options.ranks.map(String.init), "AURELAX_RUN": processes.mark,
            "PYTHONUNBUFFERED": "1",
        ]
        if let program = options.program { values["AURELAX_PROGRAM"] = absolute(program) }
        // With one of these variables, the scripts would calculate one single point instead of all.
        for name: Environment.Key in ["AURELAX_POINT", "SLURM_ARRAY_TASK_ID"] {
            values.updateValue(nil, forKey: name)
        }
        if getuid() == 0 {
            // In a container the user is root, and Open MPI runs as root only if both variables confirm it.
            for name in ["OMPI_ALLOW_RUN_AS_ROOT", "PRTE_ALLOW_RUN_AS_ROOT"] {
                values[.init(stringLiteral: name)] = "1"
                values[.init(stringLiteral: name + "_CONFIRM")] = "1"
            }
        }
        return .inherit.updating(values)
    }

    /// Returns the absolute path of a program, because `run.sh` runs in the package's directory, where a relative path
    /// would name another file.
    private func absolute(_ program: String) -> String {
        guard program.contains("/"), !program.hasPrefix("/") else { return program }
        return FilePath(FileManager.default.currentDirectoryPath).appending(program).string
    }

    private enum Marker {
        case none
        case final(ResultVerdict)
        case refused(String)
    }

    /// - Parameter anyFinal: whether every verdict counts. If false, only `converged` and `step-limit` count, because
    ///   another start may improve the others.
    private func verdict(
        _ result: Directory, _ manifest: HandoffManifest, anyFinal: Bool = false
    ) throws -> Marker {
        guard let bytes = try result.read("DONE.json", limit: 1 << 20) else { return .none }
        guard let marker = try? JSONDecoder().decode(ResultMarker.self, from: Data(bytes)) else {
            return .refused("result/DONE.json cannot be read")
        }
        guard marker.inputs == manifest.inputs else {
            return .refused("result/ belongs to another package: move it away")
        }
        return anyFinal || marker.verdict == .converged || marker.verdict == .stepLimit
            ? .final(marker.verdict) : .none
    }

    /// Returns device and inode of the manifest, so that a copy of the package counts as a different run.
    private func identity(_ package: Directory) throws -> String {
        guard let manifest = try package.status(of: "MANIFEST.json") else { throw PackageRefusal.incomplete }
        return "\(manifest.identity.device):\(manifest.identity.inode)"
    }
}

/// The outcome of one start of a package.
public enum RunOutcome: Sendable, Equatable, CustomStringConvertible {
    /// The calculation ended, converged or not.
    case finished(ResultVerdict)
    /// The calculation had ended before this start.
    case alreadyFinished(ResultVerdict)
    /// Stopped on request; the next start resumes.
    case stopped
    /// Another process is running the package.
    case busy(String)
    /// The package cannot be run in its present state.
    case refused(String)
    /// The processes ended without a result: killed, out of memory, or a missing program.
    case crashed(status: String, lastLines: [String])

    /// The exit status of a command with this outcome; see ``PackageExit``.
    public var exitCode: Int32 {
        switch self {
        case .finished(let verdict), .alreadyFinished(let verdict): verdict.exitCode
        case .stopped: PackageExit.stopped.rawValue
        case .refused: PackageExit.refused.rawValue
        case .busy: PackageExit.busy.rawValue
        case .crashed: PackageExit.crashed.rawValue
        }
    }

    public var description: String {
        switch self {
        case .finished(let verdict): "finished: \(verdict.rawValue)"
        case .alreadyFinished(let verdict): "had already finished: \(verdict.rawValue)"
        case .stopped: "stopped; run it again to resume from its last step"
        case .busy(let holder): "already running (\(holder))"
        case .refused(let reason): "refused: \(reason)"
        case .crashed(let status, let lines):
            (["ended without a result (\(status))"] + lines).joined(separator: "\n    ")
        }
    }
}

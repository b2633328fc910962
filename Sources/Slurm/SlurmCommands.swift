import Foundation
import Subprocess
import SystemPackage

/// Slurm's commands, each with a time-out: a hanging command is killed with its children.
public struct SlurmCommands: Sendable {
    /// Folder of Slurm's programs; nil means that they are found in `PATH`.
    public var directory: String?
    public var timeout: Duration = .seconds(30)

    public init(directory: String? = nil) { self.directory = directory }

    /// The controller gave no answer, or an invalid answer.
    public struct NoAnswer: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public func submit(_ job: BatchJob) async -> SubmissionOutcome {
        let result = await run("sbatch", job.arguments)
        if result.didNotRun { return .notRun(result.errors) }
        return SubmissionOutcome(status: result.status, output: result.output, errors: result.errors)
    }

    /// Returns all jobs of this user, including those that ended recently.
    public func queue() async throws -> [QueueEntry] {
        let result = await run(
            "squeue", ["--me", "--states=all", "--noheader", "--format=\(QueueEntry.squeueFormat)"])
        guard result.status == 0 else { throw NoAnswer(description: result.problem("squeue")) }
        return QueueEntry.inSqueue(result.output)
    }

    /// Returns the waiting jobs of all users, as far as the cluster shows them.
    public func waiting() async throws -> WaitingQueue {
        let result = await run(
            "squeue", ["--states=PENDING", "--noheader", "--format=\(WaitingQueue.format)"])
        guard result.status == 0 else { throw NoAnswer(description: result.problem("squeue")) }
        return WaitingQueue(result.output)
    }

    /// Returns the named jobs in the accounting database; nil if there is no database.
    public func accounted(_ names: [String], since: Date) async throws -> [QueueEntry]? {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
        let result = await run(
            "sacct",
            [
                "-X", "--noheader", "--parsable2", "--format=\(QueueEntry.sacctFormat)",
                "--name=\(names.joined(separator: ","))", "--starttime=\(format.string(from: since))",
            ])
        if result.status == 0 { return QueueEntry.inSacct(result.output) }
        // A cluster without accounting is not queried again for a long time. Other failures may be temporary.
        if (result.errors + result.output).contains("accounting storage is disabled") || result.didNotRun {
            return nil
        }
        throw NoAnswer(description: result.problem("sacct"))
    }

    public func cancel(_ ids: [Int]) async throws {
        try await require("scancel", ["--quiet"] + ids.map(String.init))
    }

    /// Asks a running job to stop after its current step.
    public func stop(_ id: Int) async throws {
        try await require("scancel", ["--quiet", "--batch", "--signal=USR1", String(id)])
    }

    public func hold(_ id: Int) async throws { try await require("scontrol", ["hold", String(id)]) }
    public func release(_ id: Int) async throws { try await require("scontrol", ["release", String(id)]) }

    private func require(_ program: String, _ arguments: [String]) async throws {
        let result = await run(program, arguments)
        guard result.status == 0 else { throw NoAnswer(description: result.problem(program)) }
    }

    // MARK: Running

    private struct Output: Sendable {
        /// Exit status; nil if the command was killed or could not be started.
        var status: Int32?
        var output = ""
        var errors = ""
        /// Whether the program is missing or cannot be executed.
        var didNotRun = false

        func problem(_ program: String) -> String {
            let line = errors.split(whereSeparator: \.isNewline).last.map(String.init)
            let end = status.map { "ended with \($0)" } ?? "gave no answer"
            guard let line else { return "\(program) \(end)" }
            return line.hasPrefix(program) ? line : "\(program): \(line)"
        }
    }

    private func run(_ program: String, _ arguments: [String]) async -> Output {
        var platform = PlatformOptions()
        platform.createSession = true
        platform.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(1)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1)),
        ]
        let executable: Executable =
            directory.map { .path(FilePath($0).appending(program)) } ?? .name(program)
        let configuration = Configuration(
            executable: executable, arguments: Arguments(arguments), environment: Self.environment,
            platformOptions: platform)
        let limit = timeout
        do {
            return try await withThrowingTaskGroup(of: Output?.self) { group in
                group.addTask {
                    let result = try await Subprocess.run(
                        configuration, input: .none, output: .string(limit: 64 << 20),
                        error: .string(limit: 1 << 20))
                    var output = Output(output: result.standardOutput, errors: result.standardError)
                    if case .exited(let code) = result.terminationStatus { output.status = code }
                    return output
                }
                group.addTask {
                    try await Task.sleep(for: limit)
                    return nil
                }
                let first = try await group.next()
                group.cancelAll()
                return first.flatMap { $0 } ?? Output(errors: "\(program) gave no answer within \(limit)")
            }
        } catch {
            // The program was stopped while it ran, so its effect is unknown.
            if Task.isCancelled || error is CancellationError {
                return Output(errors: "\(program) was stopped with the daemon")
            }
            let why = "\(error)"
            let isMissing = why.localizedCaseInsensitiveContains("not found") || why.contains("No such file")
            let place = directory.map { " in \($0)" } ?? " on the daemon's PATH"
            return Output(
                errors: isMissing
                    ? "\(program) could not be run: not found\(place)"
                    : "\(program) could not be run: \(why)",
                didNotRun: true)
        }
    }

    /// The environment without the user's interactive settings for these commands, and without the variables
    /// of an allocation in which the daemon was started, because by default Slurm would pass them on to the
    /// jobs.
    private static let environment: Subprocess.Environment = {
        let prefixes = [
            "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SRUN_", "SLURM_", "SLURMD_", "SALLOC_", "PMI_",
            "PMIX_",
        ]
        // Variables for reaching the controller are kept.
        let kept: Set<String> = [
            "SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT", "SLURM_SACK_KEY",
        ]
        var values: [Subprocess.Environment.Key: String?] = [
            "LC_ALL": "C", "SLURM_TIME_FORMAT": "standard",
            // With 0, all elements of an array are listed, however many there are.
            "SLURM_BITSTR_LEN": "0",
        ]
        for name in ProcessInfo.processInfo.environment.keys
        where prefixes.contains(where: name.hasPrefix) && !kept.contains(name) {
            guard values[.init(stringLiteral: name)] == nil else { continue }
            values[.init(stringLiteral: name)] = .some(nil)
        }
        return .inherit.updating(values)
    }()
}

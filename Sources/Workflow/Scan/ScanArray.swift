internal import DurableFiles
import Foundation
package import Slurm
public import SystemPackage

/// The parameter sets of a scan as one Slurm array, one element per set, without a daemon. The submission is
/// recorded in a folder beside the results; Slurm is queried for its state.
public struct ScanArray: Sendable {
    /// Name of the scan.
    public let name: String
    /// Folder for the scripts and logs of the elements.
    public let folder: FilePath
    /// A shell command that computes the set `$SLURM_ARRAY_TASK_ID`.
    public let command: String

    private let configuration: SpoolConfiguration
    private let commands: SlurmCommands

    /// - Parameters:
    ///   - results: the file to which elements add their results.
    ///   - program: program and arguments that compute one set; the set's number is appended.
    public init(
        name: String, results: String, program: String, arguments: [String], configuration: SpoolConfiguration
    ) {
        self.init(
            name: name, results: results, program: program, arguments: arguments,
            configuration: configuration,
            commands: nil)
    }

    package init(
        name: String, results: String, program: String, arguments: [String],
        configuration: SpoolConfiguration, commands: SlurmCommands?
    ) {
        self.name = name
        self.configuration = configuration
        folder = FilePath(results + ".slurm")
        command =
            ([program] + arguments).map(shellQuoted).joined(separator: " ") + " \"$SLURM_ARRAY_TASK_ID\""
        var own = SlurmCommands()
        own.timeout = .seconds(configuration.slurm.timeout)
        self.commands = commands ?? own
    }

    /// Submits the missing sets, unless an array of this scan is in the queue.
    ///
    /// - Parameters:
    ///   - missing: numbers of the sets, from 1; never empty.
    ///   - total: number of all sets.
    /// - Returns: the state, for the user.
    /// - Throws: `WorkflowError` if Slurm does not answer or refuses.
    public func submit(_ missing: [Int], of total: Int) async throws -> String {
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        let place = PackageFolder(directory: try Directory(folder))
        let done = total - missing.count
        var told = ""
        if let former = try place.current {
            if let text = try await standing(former, done: done, of: total) { return text }
            told = try failure(of: former, missing, place)
        }
        let settings = configuration.slurm
        let part = Array(missing.prefix(settings.maxQueued))
        var request = settings.resources
        (request.tasks, request.nodes) = (1, nil)
        var batch = BatchJob(
            name: "aurelax-scan-\(name)-\(String(UInt32.random(in: .min ... .max), radix: 16))",
            comment: "aurelax:scan=\(name)", folder: place.path, resources: request,
            warning: settings.warning, setup: settings.setup, options: settings.options)
        batch.array = .init(elements: part, throttle: settings.arrayThrottle)
        batch.command = command
        try place.prepare(batch)
        switch await commands.submit(batch) {
        case .accepted(let id):
            return told
                + "submitted as Slurm array \(id): \(part.count) of \(total) sets, \(done) done before; "
                + "run the same command again for their state"
        case .doubtful(let why):
            throw WorkflowError.notAllowed(
                "it is not known whether \(batch.name) is in the queue: \(why); run the same command again to find out"
            )
        case .later(let why), .refused(let why), .notRun(let why):
            throw WorkflowError.notAllowed("Slurm refused the array: \(why)")
        }
    }

    /// Returns the state of the array of this name in Slurm's queue; nil if the array is not in the queue.
    private func standing(_ name: String, done: Int, of total: Int) async throws -> String? {
        let entries: [QueueEntry]
        do {
            entries = try await commands.queue().filter { $0.name == name }
        } catch {
            throw WorkflowError.notAllowed("Slurm does not answer, so nothing was submitted: \(error)")
        }
        let elements = entries.flatMap { $0.elements ?? [] }
        guard !elements.isEmpty else { return nil }
        var run = SlurmRun(
            name: name, number: 1, request: SlurmResources(), stepsBefore: done,
            array: RunArray(elements: Array(Set(elements)).sorted(), total: total), intendedAt: Date())
        run.see(entries, at: Date())
        guard run.phase != .ended else { return nil }
        return run.text(at: Date(), done: done, what: "sets")
    }

    /// Returns the end of the log of the first failed set, followed by a line break; empty if no set failed.
    private func failure(of name: String, _ missing: [Int], _ place: PackageFolder) throws -> String {
        guard let id = place.began(name),
            let (set, lines) = missing.lazy.map({ set in
                (set, place.lastLines(BatchJob.logName(id, element: set)))
            }).first(where: { !$0.1.isEmpty })
        else { return "" }
        return (["set \(set) (Slurm job \(id)_\(set)) ended without a result:"] + lines)
            .joined(separator: "\n    ") + "\n"
    }
}

import Foundation
import Slurm
import TestTags
import Testing

/// The arguments of Slurm's commands, and what happens if a command hangs.
@Suite struct CommandTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("aurelax-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func commands(_ program: String, _ script: String) throws -> SlurmCommands {
        let url = folder.appendingPathComponent(program)
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
        var commands = SlurmCommands(directory: folder.path)
        // The time-out is long, because the machine may be busy.
        commands.timeout = .seconds(300)
        return commands
    }

    private func remove() { try? FileManager.default.removeItem(at: folder) }

    /// A hanging command is killed with its children.
    @Test("Hanging commands are killed") func hangingCommands() async throws {
        defer { remove() }
        let number = folder.appendingPathComponent("number").path
        var commands = try commands("squeue", "sleep 600 & echo $! >'\(number)'\nwait; sleep 600")
        commands.timeout = .seconds(3)
        let error = await #expect(throws: SlurmCommands.NoAnswer.self) { try await commands.queue() }
        #expect(
            error?.description == "squeue gave no answer within 3.0 seconds", "\(String(describing: error))")
        let process = try String(contentsOfFile: number, encoding: .utf8).filter(\.isNumber)
        // If the process is a zombie, its command line is empty.
        let line = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
        #expect(!line.contains("sleep"))
    }

    @Test("Slurm's commands get the expected arguments") func whatTheyAreAsked() async throws {
        defer { remove() }
        let said = folder.appendingPathComponent("said").path
        let commands = try commands(
            "squeue", "printf '%s\\n' \"$@\" >'\(said)'; echo '5|RUNNING|None|n|1|2|t|x'")
        #expect(try await commands.queue().map(\.id) == [5])
        let arguments = try String(contentsOfFile: said, encoding: .utf8)
        #expect(arguments == "--me\n--states=all\n--noheader\n--format=%i|%T|%r|%N|%M|%L|%V|%j\n")
    }

    /// A cluster without accounting is recognised; an unreachable controller counts as a failed query.
    @Test("Slurm works without accounting") func withoutAccounting() async throws {
        defer { remove() }
        let none = try commands("sacct", "echo 'Slurm accounting storage is disabled'; exit 1")
        #expect(try await none.accounted(["a"], since: Date(timeIntervalSince1970: 0)) == nil)
        let away = try commands("squeue", "echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1")
        let error = await #expect(throws: SlurmCommands.NoAnswer.self) { try await away.queue() }
        #expect(error?.description == "squeue: slurm_load_jobs error: Unable to contact")
        let missing = SlurmCommands(directory: folder.appendingPathComponent("nothing").path)
        await #expect(throws: SlurmCommands.NoAnswer.self) { try await missing.queue() }
    }

    @Test("Variables of an allocation do not reach sbatch, but SLURM_CONF does", .tags(.fault38))
    func fault38Environment() async throws {
        defer { remove() }
        let seen = folder.appendingPathComponent("seen").path
        // The environment is set before the commands read it, because they read it only once.
        let commands = try commands(
            "squeue", "env | grep -E '^(SLURM|SRUN|SBATCH)' | cut -d= -f1 | sort >'\(seen)'")
        _ = try await commands.queue()
        let names = try String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(Set(names).isSubset(of: ["SLURM_BITSTR_LEN", "SLURM_CONF", "SLURM_TIME_FORMAT"]), "\(names)")
    }

    @Test("A missing program of Slurm is named", .tags(.fault38))
    func fault38MissingProgram() async throws {
        defer { remove() }
        let missing = SlurmCommands(directory: folder.appendingPathComponent("nothing").path)
        let job = BatchJob(name: "aurelax-a", comment: "", folder: "/x", resources: SlurmResources())
        guard case .notRun(let why) = await missing.submit(job) else {
            Issue.record("the missing sbatch was not reported")
            return
        }
        #expect(why.contains("sbatch could not be run"), "\(why)")
    }

    @Test("A submission interrupted by the daemon's end is uncertain", .tags(.fault38))
    func fault38InterruptedSubmission() async throws {
        defer { remove() }
        let begun = folder.appendingPathComponent("begun").path
        let commands = try commands("sbatch", "touch '\(begun)'; sleep 600")
        let job = BatchJob(name: "aurelax-a", comment: "", folder: "/x", resources: SlurmResources())
        let submission = Task { await commands.submit(job) }
        while !FileManager.default.fileExists(atPath: begun) { try await Task.sleep(for: .milliseconds(10)) }
        submission.cancel()
        guard case .doubtful = await submission.value else {
            Issue.record("the submission does not count as uncertain")
            return
        }
    }

    @Test("Accounting that fails once is queried again", .tags(.fault38))
    func fault38Accounting() async throws {
        defer { remove() }
        let away = try commands(
            "sacct", "echo 'sacct: error: slurm_persist_conn_open: Connection refused' >&2; exit 1")
        await #expect(throws: SlurmCommands.NoAnswer.self) {
            try await away.accounted(["a"], since: Date(timeIntervalSince1970: 0))
        }
        let entries = QueueEntry.inSqueue("5|EXPEDITING|None|n|1|2|t|x")
        #expect(entries.map(\.state) == [.completing], "an unknown state is not an end")
    }
}

import Foundation
import Slurm
import Testing

/// The commands as programs: what they are asked, and what becomes of those that hang.
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
        // The machine may be busy.
        commands.timeout = .seconds(300)
        return commands
    }

    private func remove() { try? FileManager.default.removeItem(at: folder) }

    /// A command that hangs is given up, and nothing that it started goes on.
    @Test func hangingCommandsAreEnded() async throws {
        defer { remove() }
        let number = folder.appendingPathComponent("number").path
        var commands = try commands("squeue", "sleep 600 & echo $! >'\(number)'\nwait; sleep 600")
        commands.timeout = .seconds(3)
        let error = await #expect(throws: SlurmCommands.NoAnswer.self) { try await commands.queue() }
        #expect(
            error?.description == "squeue gave no answer within 3.0 seconds", "\(String(describing: error))")
        let process = try String(contentsOfFile: number, encoding: .utf8).filter(\.isNumber)
        // What has ended and is not collected yet has no command line any more.
        let line = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
        #expect(!line.contains("sleep"))
    }

    @Test func whatTheyAreAsked() async throws {
        defer { remove() }
        let said = folder.appendingPathComponent("said").path
        let commands = try commands(
            "squeue", "printf '%s\\n' \"$@\" >'\(said)'; echo '5|RUNNING|None|n|1|2|t|x'")
        #expect(try await commands.queue().map(\.id) == [5])
        let arguments = try String(contentsOfFile: said, encoding: .utf8)
        #expect(arguments == "--me\n--states=all\n--noheader\n--format=%i|%T|%r|%N|%M|%L|%V|%j\n")
    }

    /// A cluster without accounting is one; a controller that is away is an answer that did not come.
    @Test func withoutAccounting() async throws {
        defer { remove() }
        let none = try commands("sacct", "echo 'Slurm accounting storage is disabled'; exit 1")
        #expect(try await none.accounted(["a"], since: Date(timeIntervalSince1970: 0)) == nil)
        let away = try commands("squeue", "echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1")
        let error = await #expect(throws: SlurmCommands.NoAnswer.self) { try await away.queue() }
        #expect(error?.description == "squeue: slurm_load_jobs error: Unable to contact")
        let missing = SlurmCommands(directory: folder.appendingPathComponent("nothing").path)
        await #expect(throws: SlurmCommands.NoAnswer.self) { try await missing.queue() }
    }
}

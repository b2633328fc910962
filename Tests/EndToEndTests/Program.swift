import Foundation
import Subprocess
import SystemPackage

/// The programs under test: those built beside this test bundle.
enum Program {
    static let directory: FilePath = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return FilePath(own).removingLastComponent()
    }()

    static let aurelax = directory.appending("aurelax")

    /// The root of the project that these sources belong to.
    static let project = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    struct Output {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs `aurelax` and waits for its end.
    static func run(
        _ arguments: [String], spool: FilePath? = nil, in directory: FilePath? = nil
    ) async throws -> Output {
        let result = try await Subprocess.run(
            .path(aurelax), arguments: Arguments(arguments), environment: environment(spool),
            workingDirectory: directory, output: .string(limit: 4 << 20), error: .string(limit: 4 << 20))
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): -signal
            }
        return Output(
            status: status, output: result.standardOutput, errors: result.standardError)
    }

    static func environment(_ spool: FilePath?) -> Subprocess.Environment {
        var values: [Subprocess.Environment.Key: String?] = [
            "AURELAX_MODELS": project.appending("models").string
        ]
        if let spool { values["AURELAX_SPOOL"] = spool.string }
        return .inherit.updating(values)
    }
}

/// A program that runs during the test and is stopped at its end.
final class BackgroundProgram {
    private let program = Process()

    init(
        _ arguments: [String], spool: Spool, log: String, environment further: [String: String] = [:]
    ) throws {
        program.executableURL = URL(fileURLWithPath: Program.aurelax.string)
        program.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["AURELAX_SPOOL"] = spool.path.string
        environment["AURELAX_MODELS"] = Program.project.appending("models").string
        environment.merge(further) { $1 }
        program.environment = environment
        let path = spool.path.appending(log).string
        if !FileManager.default.fileExists(atPath: path) {
            try Data().write(to: URL(fileURLWithPath: path))
        }
        let handle = FileHandle(forWritingAtPath: path)
        try handle?.seekToEnd()
        program.standardOutput = handle
        program.standardError = handle
        try program.run()
    }

    deinit { if program.isRunning { kill() } }

    /// Process identifier.
    var process: Int32 { program.processIdentifier }

    var isRunning: Bool { program.isRunning }

    /// Sends SIGKILL.
    func kill() {
        Foundation.kill(program.processIdentifier, SIGKILL)
        program.waitUntilExit()
    }

    /// Sends SIGTERM and returns the exit status.
    func stop() -> Int32 {
        program.terminate()
        program.waitUntilExit()
        return program.terminationStatus
    }
}

/// A separate spool for one test.
final class Spool: Sendable {
    let path: FilePath

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-e2e-\(UUID().uuidString)")
        for folder in ["inbox", "outbox"] {
            try FileManager.default.createDirectory(
                at: url.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        path = FilePath(url.path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path.string) }

    func drop(_ name: String, _ text: String) throws {
        // As a careful user does, the test first writes the file under a temporary name.
        let part = path.appending("inbox").appending("." + name + ".part").string
        try text.write(toFile: part, atomically: false, encoding: .utf8)
        try FileManager.default.moveItem(atPath: part, toPath: path.appending("inbox").appending(name).string)
    }

    func text(_ relative: String) -> String? {
        try? String(contentsOfFile: path.string + "/" + relative, encoding: .utf8)
    }

    func exists(_ relative: String) -> Bool {
        FileManager.default.fileExists(atPath: path.string + "/" + relative)
    }

    func files(_ relative: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path.string + "/" + relative)) ?? []).sorted()
    }

    /// Returns the output of `aurelax status JOB --json`; nil if there is none.
    func status(of job: String) async throws -> JobStatus? {
        let result = try await Program.run(["status", job, "--json"], spool: path)
        guard result.status == 0 else { return nil }
        return try JSONDecoder().decode(StatusList.self, from: Data(result.output.utf8)).jobs.first
    }

    /// Waits until the condition is true, and returns false if the time passes first.
    func wait(
        seconds: Double = 60, until condition: () async throws -> Bool
    ) async throws -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(200))
        }
        return false
    }

    func waitForState(_ state: String, of job: String, seconds: Double = 60) async throws -> Bool {
        try await wait(seconds: seconds) { try await self.status(of: job)?.state == state }
    }
}

struct StatusList: Decodable { let jobs: [JobStatus] }

struct JobStatus: Decodable {
    let name: String
    let state: String
    let reason: String
    let stage: Int?
    let step: Int?
    let fmax: Double?
}

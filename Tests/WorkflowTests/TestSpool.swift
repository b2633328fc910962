import DurableFiles
import Foundation
import JobSpec
import Logging
import SystemPackage
import Testing
import Workflow

/// A spool for one test; it is removed at the end of the test.
final class TestSpool: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-spool-" + UUID().uuidString).path
        for folder in ["inbox", "outbox"] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var spool: Spool { Spool(FilePath(path)) }
    var client: SpoolClient { SpoolClient(spool) }

    /// Puts a file into the inbox as a careful user does: the file is written elsewhere and then renamed.
    func drop(_ name: String, _ text: String) throws {
        let part = "\(path)/\(UUID().uuidString).part"
        try Data(text.utf8).write(to: URL(fileURLWithPath: part))
        guard rename(part, "\(path)/inbox/\(name)") == 0 else { throw Errno(rawValue: errno) }
    }

    func text(_ relative: String) -> String? {
        (try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(relative)"))).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    func bytes(_ relative: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(relative)")))
    }

    func files(_ relative: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(relative)")) ?? []).sorted()
    }

    func exists(_ relative: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(relative)") }

    func state(of job: String) throws -> JobState { try client.status(of: job).state }

    func history(of job: String) throws -> [String] { try client.history(of: job).map(\.text) }

    func configuration(models: String? = nil, once: Bool = true) -> DaemonConfiguration {
        var configuration = DaemonConfiguration(spool: spool, modelPath: models.map { [$0] } ?? [])
        configuration.once = once
        configuration.interval = .milliseconds(50)
        configuration.settle = .milliseconds(100)
        return configuration
    }

    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    func daemon(models: String? = nil, once: Bool = true) -> Daemon {
        Daemon(configuration(models: models, once: once), logger: Self.quiet)
    }

    /// Makes an engine whose main loop the test runs itself, without pauses.
    func engine(_ change: (inout DaemonConfiguration) -> Void = { _ in }) throws -> Engine {
        var configuration = configuration()
        configuration.settle = .zero
        configuration.pause = .milliseconds(30)
        change(&configuration)
        return try Engine(spool.open(), Store(spool.database, verifying: true), configuration, Self.quiet)
    }

    /// Repeats the passes of the engine's main loop until the condition is true, the engine has nothing to do, or the
    /// time is up.
    func turn(
        _ engine: Engine, seconds: Double = 240, until condition: () throws -> Bool = { false }
    ) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        var idle = 0
        while try !condition(), idle < 2, ContinuousClock.now < end {
            idle = try await engine.turn() ? idle + 1 : 0
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Expects what every fault must leave of a job with one package: the job exists once, in the given state; it has
    /// one package, the one in the store; no incomplete files remain.
    func expectOneOf(_ name: String, _ place: Comment, is state: JobState = .waitingForDFT) throws {
        let store = try Store(spool.database, verifying: true)
        let jobs = try store.jobs().filter { $0.job.name == name }
        #expect(jobs.count == 1, place)
        guard let record = jobs.first else { return }
        #expect(record.machine.state == state, place)
        #expect(text("outbox/\(name)/status.yaml")?.contains("state: \(state.rawValue)\n") ?? false, place)
        #expect(files("outbox/\(name)").filter { $0.contains("-dft") } == ["01-dft"], place)
        let manifest = try bytes("outbox/\(name)/01-dft/MANIFEST.json")
        let package = try store.package(record.id, stage: 0, attempt: 1)
        #expect(package?.digest == Digest(of: manifest), place)
        #expect(files("inbox").allSatisfy { !$0.hasPrefix(name) }, place)
        #expect(files("outbox/rejected").isEmpty, place)
        #expect(files(".aurelax/staging").isEmpty, place)
        #expect(files(".aurelax/blobs").allSatisfy { !$0.hasPrefix(".") }, place)
    }

    /// Runs a daemon until only work is left that needs a result from outside.
    func work(models: String? = nil) async throws { try await daemon(models: models).run() }
}

/// Returns the job that this text describes.
func job(_ text: String, file: String = "job.yaml") throws -> Job {
    let read = JobFile(Array(text.utf8), file: file)
    return try #require(read.job, "\(read.report)")
}

/// Number of repetitions of random tests: few in every run, all in `make torture`.
enum Strength {
    static let isFull = ProcessInfo.processInfo.environment["AURELAX_TORTURE"] == "1"
    static func scaled(_ quick: Int, full: Int) -> Int { isFull ? full : quick }
}

/// Two hydrogen atoms that are slightly too far apart; XYZ, Å.
let hydrogen = "2\n\nH 0 0 0\nH 0 0 0.85\n"

/// Returns a job with one stage of GFN1-xTB. The tests do not run its package, so the job waits for the result.
func outsideJob(_ name: String, structure: String = "h2.xyz", extra: String = "") -> String {
    """
    aurelax: 1
    name: \(name)
    structure: \(structure)
    \(extra)stages:
      - dft: {engine: tblite, fmax: 0.05}

    """
}

import DurableFiles
import Foundation
import JobSpec
import Logging
import SystemPackage
import Testing
import Workflow

/// A spool of its own for one test, gone when the test is over.
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

    /// Puts a file into the inbox as a careful user does: written elsewhere, then renamed.
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

    func daemon(models: String? = nil, once: Bool = true) -> Daemon {
        var configuration = DaemonConfiguration(spool: spool, modelPath: models.map { [$0] } ?? [])
        configuration.once = once
        configuration.interval = .milliseconds(50)
        configuration.settle = .milliseconds(100)
        return Daemon(
            configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// Lets a daemon do all that it can do without anybody else.
    func work(models: String? = nil) async throws { try await daemon(models: models).run() }
}

/// A job as its file says it.
func job(_ text: String, file: String = "job.yaml") throws -> Job {
    let read = JobFile(Array(text.utf8), file: file)
    return try #require(read.job, "\(read.report)")
}

/// Two hydrogen atoms, Å, a little too far apart.
let hydrogen = "2\n\nH 0 0 0\nH 0 0 0.85\n"

/// One stage of GFN1-xTB, which nothing here runs: the job waits for its result.
func outsideJob(_ name: String, structure: String = "h2.xyz", extra: String = "") -> String {
    """
    aurelax: 1
    name: \(name)
    structure: \(structure)
    \(extra)stages:
      - dft: {engine: tblite, fmax: 0.05}

    """
}

import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import SystemPackage

/// A folder for one test; it is removed at the end of the test.
final class Scratch: Sendable {
    let directory: Directory
    var path: FilePath { directory.path }

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "handoff-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = try Directory(FilePath(url.path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path.string) }

    /// Writes the package into a folder of its own, as a daemon publishes it.
    func publish(_ package: HandoffPackage, as name: FilePath.Component = "01-dft") throws -> Directory {
        let job = try directory.makeSubdirectory("outbox").makeSubdirectory("job")
        let published = try job.publish(
            package.files, as: name, staging: try directory.makeSubdirectory("staging"))
        guard published == .published else { throw Unpublished() }
        return try job.subdirectory(name)
    }

    struct Unpublished: Error {}
}

enum Samples {
    /// H₂S with one bond that is 0.1 Å too long.
    static let sulfide = Atoms(
        elements: [.sulfur, .hydrogen, .hydrogen],
        positions: [[0, 0, 0], [1.34, 0, 0], [-0.05, 1.45, 0]])

    static let hydrogen = Atoms(
        elements: [.hydrogen, .hydrogen], positions: [[0, 0, 0], [0, 0.1, 0.85]])

    static func settings(_ change: (inout DFTStage) -> Void = { _ in }) -> DFTStage {
        var settings = DFTStage()
        settings.optimizer = .bfgs
        change(&settings)
        return settings
    }

    static func request(
        _ atoms: Atoms = sulfide, settings: DFTStage = settings(),
        change: (inout HandoffRequest) -> Void = { _ in }
    ) -> HandoffRequest {
        var request = HandoffRequest(
            job: "ring4", stage: 1, attempt: 2, atoms: atoms, settings: settings, charge: 0,
            origin: GeometryOrigin(description: "stage 0 (ml), step 37", model: "thiolate-gold", steps: 37))
        change(&request)
        return request
    }
}

extension HandoffPackage {
    func bytes(_ name: FilePath.Component) -> [UInt8]? { files.first { $0.name == name }?.bytes }

    func text(_ name: FilePath.Component) -> String? {
        bytes(name).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// The programs on this machine that real runs need.
enum Engines {
    static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]
    static let hasPython = python != nil
    static let runsSlowTests = hasPython && ProcessInfo.processInfo.environment["AURELAX_SLOW_TESTS"] == "1"

    static func runner(ranks: Int? = nil, grace: Duration = .seconds(10)) -> LocalRunner {
        var options = LocalRunner.Options()
        if let python { options.python = python }
        options.ranks = ranks
        options.grace = grace
        return LocalRunner(options)
    }
}

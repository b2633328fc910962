import Atomistics
import DurableFiles
import Foundation
import SystemPackage
import Structures
import Testing
import Workflow

/// ML stages that another machine runs. The engine writes a task into the outbox, and `StageTask.run(in:)` executes it,
/// here in the test.
@Suite(.serialized) struct OutsideMLStageTests {
    private let spool: TestSpool
    private let engine: Engine

    init() async throws {
        spool = try TestSpool()
        let models = spool.path + "/models"
        _ = try MLStageTests.train(in: models)
        engine = try spool.engine { configuration in
            configuration.modelPath = [models]
            configuration.handsOutML = true
        }
        try spool.client.submit(
            job(
                """
                aurelax: 1
                name: ring
                model: tiny
                structure: ring.xyz
                stages:
                  - ml: {fmax: 0.8, max_steps: 300}
                  - dft: {engine: tblite}

                """), structure: ExtXYZ.bytes(of: [GoldThiolateRing(n: 4).atoms]))
        // The engine works until it has nothing more to do.
        try await spool.turn(engine)
    }

    private func stage(_ attempt: String = "") throws -> Directory {
        try Directory(FilePath("\(spool.path)/outbox/ring/01-ml\(attempt)"))
    }

    private struct Unexpected: Error { let end: String }

    private func perform(_ folder: Directory, stoppingAt last: Int = .max) throws -> StageTask.End {
        let stop = StopFlag()
        return try StageTask.run(in: folder, stop: stop) { step, _ in if step >= last { stop.set() } }
    }

    /// The daemon's engine computes nothing, and the status shows the progress of the other process.
    @Test("An ML stage runs in another process") func aStageElsewhere() async throws {
        #expect(try spool.state(of: "ring") == .running)
        let files = spool.files("outbox/ring/01-ml")
        #expect(files == ["initial.extxyz", "run.sh", "stage.json"], "\(files)")
        guard case .stopped = try perform(stage(), stoppingAt: 2) else { throw Unexpected(end: "finished") }
        let status = try spool.client.status(of: "ring")
        #expect(status.step == 2 && (status.fmax ?? 0) > 0.8, "\(status)")
        try await spool.turn(engine)
        #expect(try spool.state(of: "ring") == .running, "half of a stage is not a result")

        guard case .finished(let report) = try perform(stage()) else { throw Unexpected(end: "stopped") }
        let trajectory = try spool.bytes("outbox/ring/01-ml/trajectory.extxyz")
        try await spool.turn(engine)
        #expect(try spool.state(of: "ring") == .waitingForDFT)
        let history = try spool.history(of: "ring")
        #expect(
            history.filter { $0.contains("stage 1 ended: \(report.verdict.text)") }.count == 1, "\(history)")

        // The package has the Hessian that the other process wrote: after a header, the same numbers.
        let left = try spool.bytes("outbox/ring/01-ml/hessian.f64")
        #expect(left.count == 8 * 72 * 72 && Set(left).count > 100)
        #expect(try Array(spool.bytes("outbox/ring/02-dft/hessian.npy").suffix(left.count)) == left)

        // A run without interruption and without a spool gives the same result, bit for bit.
        let elsewhere = spool.path + "/elsewhere"
        try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        for file in ["initial.extxyz", "stage.json"] {
            try FileManager.default.copyItem(
                atPath: "\(spool.path)/outbox/ring/01-ml/\(file)", toPath: "\(elsewhere)/\(file)")
        }
        _ = try perform(Directory(FilePath(elsewhere)))
        #expect(try spool.bytes("elsewhere/trajectory.extxyz") == trajectory)
        // A task that has been completed is not executed again.
        guard case .finished(let again) = try perform(stage()) else { throw Unexpected(end: "stopped") }
        #expect(again.verdict == report.verdict)
    }

    /// A damaged result is refused. The next attempt gets a new folder.
    @Test(
        "Foreign and damaged results are refused",
        arguments: ["final.extxyz", "trajectory.extxyz", "stage.json", "DONE.json"])
    func whatIsNotItsResult(file: String) async throws {
        _ = try perform(stage())
        let path = "\(spool.path)/outbox/ring/01-ml/\(file)"
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 60)
        try handle.write(contentsOf: Data("~".utf8))
        try handle.close()
        try await spool.turn(engine)
        #expect(try spool.state(of: "ring") == .running)
        #expect(try spool.client.status(of: "ring").attempt == 2)
        let history = try spool.history(of: "ring")
        #expect(history.contains { $0.contains("the result was refused") }, "\(history)")
        _ = try perform(stage(".2"))
        try await spool.turn(engine)
        #expect(try spool.state(of: "ring") == .waitingForDFT)
    }

    @Test("Only one process runs a stage") func oneDoesItAtATime() throws {
        let lock = try ExclusiveLock(".lock", in: stage())
        #expect(throws: LockHeld.self) { _ = try perform(stage()) }
        withExtendedLifetime(lock) {}
        #expect(!spool.exists("outbox/ring/01-ml/trajectory.extxyz"))
    }

    /// The machine that runs the stage has another model under the same name.
    @Test("A result of another model is refused") func anotherModel() throws {
        let text = try #require(spool.text("outbox/ring/01-ml/stage.json"))
        let version = try #require(text.firstMatch(of: /"modelVersion" : "([0-9a-f]{64})"/)).1
        try text.replacing(version, with: String(repeating: "0", count: 64)).write(
            toFile: "\(spool.path)/outbox/ring/01-ml/stage.json", atomically: true, encoding: .utf8)
        let error = #expect(throws: (any Error).self) { _ = try perform(stage()) }
        #expect(error.map { "\($0)" }?.contains("version \(version) here, but the stage is for 000") == true)
    }
}

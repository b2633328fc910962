import Atomistics
import DurableFiles
import Foundation
import Glibc
import GRDB
import JobSpec
import Synchronization
import SystemPackage
import TestTags
import Testing
import Workflow

/// A force field with a spring between each pair of atoms (stiffness in eV/Å²). It can be made to fail or to hang.
private struct SpringField: ForceField {
    enum Manner: Sendable { case good, aborts, gives(Double), hangs(Released) }

    let manner: Manner
    let hasEnergy = true
    let provenance = ForceFieldProvenance(
        name: "spring", kind: "test", version: "1", levelOfTheory: "none")

    /// Releases hanging threads at the end of the test.
    final class Released: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var scale = 1.0
        switch manner {
        case .good: break
        case .aborts: abort()
        case .gives(let value): scale = value
        case .hangs(let released): while !released.isSet { usleep(2000) }
        }
        let centre = atoms.positions.reduce(.zero, +) / Double(atoms.count)
        let forces = atoms.positions.map { position -> SIMD3<Double> in
            let r = position - centre
            let length = (r * r).sum().squareRoot()
            return r * ((0.5 - length) / length) * scale
        }
        return ForcePrediction(
            forces: forces, energy: forces.reduce(0) { $0 + ($1 * $1).sum() / 2 },
            classes: atoms.elements.map(\.symbol), outOfDomain: atoms.elements.map { _ in false })
    }
}

/// Faults 29, 30 and 34: engines and force fields fail, and clocks jump.
@Suite(.serialized) struct StageFaultTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    private func submit(_ stage: String = "{fmax: 0.01, max_steps: 50}") throws {
        try spool.client.submit(
            job("aurelax: 1\nname: h2\nstructure: h2.xyz\nstages:\n  - ml: \(stage)\n"),
            structure: Array(hydrogen.utf8))
    }

    private func engine(
        _ manner: SpringField.Manner, _ change: (inout DaemonConfiguration) -> Void = { _ in }
    ) throws -> Engine {
        try spool.engine {
            $0.forceField = { _ in SpringField(manner: manner) }
            change(&$0)
        }
    }

    @Test("An engine that aborts is given up", .tags(.fault29)) func fault29AbortingEngine() async throws {
        try submit()
        for _ in 0..<JobMachine.maximumAttempts {
            await #expect(processExitsWith: .signal(SIGABRT)) { [path = spool.path as String] in
                var configuration = DaemonConfiguration(spool: Spool(FilePath(path)), modelPath: [])
                configuration.settle = .zero
                configuration.forceField = { _ in SpringField(manner: .aborts) }
                let engine = try Engine(
                    configuration.spool.open(), Store(configuration.spool.database), configuration,
                    TestSpool.quiet)
                for _ in 0..<1000 {
                    _ = try await engine.turn()
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            #expect(try spool.state(of: "h2") == .running)
        }
        try await spool.turn(engine(.good))
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .failed)
        #expect(status.reason.contains("ended 3 times"), "\(status.reason)")
        // The user may retry the job.
        _ = try spool.client.request(.retry, of: "h2")
        try await spool.turn(engine(.good))
        #expect(try spool.state(of: "h2") == .completed)
    }

    @Test(
        "Forces that are not numbers end the stage", .tags(.fault29),
        arguments: [Double.nan, .infinity, 1e200]) func fault29NotANumber(scale: Double)
        async throws
    {
        try submit()
        try await spool.turn(engine(.gives(scale)))
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .failed, "\(status.reason)")
        #expect(try spool.history(of: "h2").count { $0.contains("→ running") } == 1, "the stage was retried")
    }

    @Test("A stage that does not converge keeps its last frame", .tags(.fault29))
    func fault29NotConverged() async throws {
        try submit("{fmax: 1.0e-5, max_steps: 1}")
        try await spool.turn(engine(.gives(0.01)))
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .failed && status.step == 1, "\(status)")
        #expect(spool.text("outbox/h2/summary.yaml")?.contains("converged: false") ?? false)
        let frames = try ExtXYZ.read(path: spool.path + "/outbox/h2/01-ml/trajectory.extxyz")
        let final = try ExtXYZ.read(path: spool.path + "/outbox/h2/01-ml/final.extxyz")
        #expect(frames.count == 2 && final.last?.positions == frames.last?.positions)
    }

    /// If a step hangs, the daemon ends, but the job does not fail. A daemon that stops does not wait for the step.
    @Test("A step that hangs is ended", .tags(.fault30)) func fault30HangingStep() async throws {
        try submit()
        let released = SpringField.Released()
        defer { released.set() }
        let engine = try engine(.hangs(released)) {
            $0.stepLimit = .milliseconds(200)
            $0.grace = .milliseconds(200)
        }
        let error = await #expect(throws: WorkflowError.self) {
            for _ in 0..<1000 {
                _ = try await engine.turn()
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        guard case .stageHangs("h2", _)? = error else {
            Issue.record("\(error.map(\.description) ?? "no error")")
            return
        }
        let start = ContinuousClock.now
        await engine.stop()
        #expect(start.duration(to: .now) < .seconds(10))
        #expect(try !spool.state(of: "h2").isFinal)
        try await spool.turn(self.engine(.good))
        #expect(try spool.state(of: "h2") == .completed)
    }

    /// Files with times of 1970 and 2100 are treated like other files.
    @Test("Times of files have no effect", .tags(.fault34)) func fault34FileTimes() async throws {
        for (name, year) in [("old", 0), ("new", 4_102_444_800)] {
            try spool.drop("\(name).xyz", hydrogen)
            try spool.drop("\(name).yaml", outsideJob(name, structure: "\(name).xyz"))
            for file in ["\(name).xyz", "\(name).yaml"] {
                let times = [timespec(tv_sec: year, tv_nsec: 0), timespec(tv_sec: year, tv_nsec: 0)]
                try #require(utimensat(AT_FDCWD, "\(spool.path)/inbox/\(file)", times, 0) == 0)
            }
        }
        try await spool.work()
        for name in ["old", "new"] { try spool.expectOneOf(name, "\(name)") }
    }

    /// The times in the store are set to 1970 and to 2100, as by a clock that jumps. The job is still in the right
    /// state.
    @Test("A clock that jumps has no effect", .tags(.fault34), arguments: [0.0, 4_102_444_800])
    func fault34JumpingClock(time: Double) async throws {
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.turn(spool.engine())
        try await DatabaseQueue(path: spool.spool.database.string).write {
            try $0.execute(sql: "UPDATE jobs SET updated = ?, accepted = ?", arguments: [time, time])
        }
        _ = try spool.client.request(.pause, of: "h2")
        try await spool.turn(spool.engine())
        try spool.expectOneOf("h2", "\(time)", is: .paused)
        _ = try spool.client.request(.resume, of: "h2")
        try await spool.turn(spool.engine())
        try spool.expectOneOf("h2", "\(time)")
    }

    /// The clock that decides whether a file is complete cannot jump. Times of files are only compared for equality.
    @Test("Settling is measured by a steady clock", .tags(.fault34)) func fault34SteadyClock() throws {
        try spool.drop("a", "1")
        let inbox = try Directory(FilePath(spool.path + "/inbox"))
        let first = try #require(try inbox.status(of: "a"))
        var clock = SettleClock(interval: .seconds(2))
        let start = ContinuousClock.now
        #expect(clock.quiet([97], first, now: start) == .zero)
        #expect(clock.quiet([97], first, now: start + .seconds(3)) == .seconds(3))
        let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
        try #require(utimensat(AT_FDCWD, "\(spool.path)/inbox/a", times, 0) == 0)
        let earlier = try #require(try inbox.status(of: "a"))
        #expect(
            clock.quiet([97], earlier, now: start + .seconds(4)) == .zero, "another file, whatever its time")
        clock.noteClosed([97])
        #expect(clock.quiet([97], earlier, now: start + .seconds(4)) == .seconds(2))
    }
}

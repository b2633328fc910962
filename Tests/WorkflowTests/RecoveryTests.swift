import DurableFiles
import Foundation
import Glibc
import JobSpec
import SystemPackage
import TestTags
import Testing
import Workflow

/// Tests of the doctor, which checks a spool, and of the recovery of a store from the outbox.
@Suite struct RecoveryTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    private static func result(_ z: Double) -> String {
        """
        2
        Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 pbc="F F F"
        H 0 0 0 0 0 -0.01
        H 0 0 \(z) 0 0 0.01

        """
    }

    /// Makes five jobs: one completed, one at its second stage, one waiting, one cancelled, one failed.
    private func fill() async throws {
        for name in ["done", "second", "waits", "gone", "failed"] {
            try spool.drop("\(name).xyz", hydrogen)
            try spool.drop(
                "\(name).yaml",
                outsideJob(name, structure: "\(name).xyz")
                    + (name == "second" ? "  - dft: {engine: tblite, fmax: 0.02}\n" : ""))
        }
        try await spool.work()
        for name in ["done", "second"] { try spool.drop("\(name).result.extxyz", Self.result(0.75)) }
        try spool.drop("failed.result.extxyz", Self.result(0.75).replacing("0.01", with: "0.9"))
        try spool.drop("gone.cancel", "")
        try await spool.work()
    }

    private func loseTheStore() throws {
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: spool.spool.database.string + suffix)
        }
    }

    @Test("A lost store is rebuilt", .tags(.fault07)) func fault07LostStore() async throws {
        try await fill()
        let before = try spool.client.statuses()
        let reports = try before.map { try spool.client.summary(of: $0.name) }
        let manifest = try spool.bytes("outbox/second/02-dft/MANIFEST.json")
        try loseTheStore()
        let error = await #expect(throws: WorkflowError.self) { try await spool.work() }
        #expect(error?.exitStatus == .store, "a daemon started with an empty store")

        let outcome = try StoreRecovery(spool.spool).run()
        #expect(Set(outcome.jobs) == ["done", "second", "waits", "gone", "failed"])
        #expect(outcome.left.isEmpty && outcome.former == nil)
        #expect(throws: WorkflowError.self) { try StoreRecovery(spool.spool).run() }
        try await spool.work()
        let after = try spool.client.statuses()
        #expect(after.map(\.name) == before.map(\.name))
        for (old, new) in zip(before, after) {
            #expect((old.state, old.stage, old.attempt) == (new.state, new.stage, new.attempt), "\(old.name)")
        }
        for (status, report) in zip(before, reports) where status.state.isFinal {
            let now = try spool.client.summary(of: status.name)
            #expect(now == report, "\(status.name)")
        }
        #expect(try spool.bytes("outbox/second/02-dft/MANIFEST.json") == manifest)
        #expect(try spool.client.isPublished(Digest(of: manifest)))
        #expect(try spool.history(of: "waits").contains { $0.contains("→ waiting-for-dft") })

        // The daemon continues with the recovered store, and recognises a job that it accepted earlier.
        try spool.drop("waits.result.extxyz", Self.result(0.75))
        try spool.drop("done.xyz", hydrogen)
        try spool.drop("again.yaml", outsideJob("done", structure: "done.xyz"))
        try await spool.work()
        #expect(try spool.state(of: "waits") == .completed)
        #expect(spool.text("outbox/rejected/again/diagnostics.txt")?.contains("exists already") ?? false)
    }

    @Test("A damaged store is kept and rebuilt", .tags(.fault07)) func fault07DamagedStore() async throws {
        try await fill()
        try loseTheStore()
        let damaged = [UInt8](repeating: 0x61, count: 5000)
        try Data(damaged).write(to: URL(fileURLWithPath: spool.spool.database.string))
        let outcome = try StoreRecovery(spool.spool).run()
        #expect(outcome.jobs.count == 5)
        #expect(try spool.bytes(".aurelax/jobs.sqlite.damaged-1") == damaged)
        try await spool.work()
        #expect(try spool.state(of: "done") == .completed)
    }

    @Test("The doctor finds and repairs problems") func doctorRepairs() async throws {
        #expect(throws: WorkflowError.self) { try SpoolDoctor(spool.spool).examine() }
        try await fill()
        let doctor = SpoolDoctor(spool.spool)
        let sound = try doctor.examine()
        #expect(
            sound.allSatisfy { $0.grade == .good || $0.grade == .note || $0.subject == "space" }, "\(sound)")

        try #require(chmod(spool.path + "/.aurelax", 0o755) == 0)
        try #require(chmod(spool.path + "/outbox", 0o777) == 0)
        try Data([1]).write(to: URL(fileURLWithPath: spool.path + "/outbox/waits/.aurelax-xyz.part"))
        try FileManager.default.createDirectory(
            atPath: spool.path + "/.aurelax/staging/.aurelax-1.part", withIntermediateDirectories: true)
        try FileManager.default.removeItem(atPath: spool.path + "/outbox/waits/01-dft")
        try FileManager.default.createDirectory(
            atPath: spool.path + "/outbox/waits/07-dft", withIntermediateDirectories: true)
        let found = try doctor.examine()
        for (subject, grade) in [
            (".aurelax", SpoolDoctor.Finding.Grade.error), ("outbox", .error), ("outbox/waits", .warning),
            (".aurelax/staging", .warning), ("outbox/waits/01-dft", .error),
            ("outbox/waits/07-dft", .warning),
        ] {
            #expect(found.contains { $0.subject == subject && $0.grade == grade }, "\(subject) in \(found)")
        }
        // Findings about free space are ignored, because other tests write to the disk at the same time.
        #expect(
            try doctor.examine().filter { $0.subject != "space" } == found.filter { $0.subject != "space" },
            "the examination changed something")
        let repaired = try doctor.examine(repairing: true)
        #expect(repaired.allSatisfy { $0.remedy == nil || $0.isRepaired })
        #expect(try !doctor.examine().contains { $0.grade == .error })
        try await spool.work()
        #expect(try spool.state(of: "waits") == .waitingForDFT)
        #expect(spool.exists("outbox/waits/01-dft/MANIFEST.json"))
        #expect(try doctor.examine().allSatisfy { $0.grade != .error })
    }

    @Test("The doctor does not repair while a daemon is running") func doctorUnderDaemon() async throws {
        let engine = Task { [daemon = spool.daemon(once: false)] in try await daemon.run() }
        while !spool.exists(".aurelax/daemon.json") { try await Task.sleep(for: .milliseconds(10)) }
        let findings = try SpoolDoctor(spool.spool).examine()
        #expect(findings.contains { $0.subject == "daemon" && $0.text.contains("running") })
        #expect(throws: WorkflowError.self) { try SpoolDoctor(spool.spool).examine(repairing: true) }
        #expect(throws: WorkflowError.self) { try StoreRecovery(spool.spool).run() }
        engine.cancel()
        _ = await engine.result
    }
}

import Atomistics
import DurableFiles
import Foundation
import JobSpec
import SystemPackage
import TestTags
import Testing
import Workflow

/// Stages that are calculated outside the daemon. The package is published once, and its result is accepted once.
@Suite struct OutsideStageTests {
    private let spool: TestSpool

    init() throws {
        spool = try TestSpool()
        try spool.drop("h2.xyz", hydrogen)
    }

    /// - Parameter forces: force on the second atom along z, eV/Å. The force on the first atom is the opposite.
    private static func result(_ z: Double, energy: String = "-26.5", forces: Double = 0.01) -> String {
        """
        2
        Properties=species:S:1:pos:R:3:forces:R:3 energy=\(energy) pbc="F F F"
        H 0 0 0 0 0 \(-forces)
        H 0 0 \(z) 0 0 \(forces)

        """
    }

    @Test("Results are checked and count once", .tags(.fault33)) func fault33CheckedOnce() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let manifest = try spool.bytes("outbox/h2/01-dft/MANIFEST.json")
        #expect(try spool.client.isPublished(Digest(of: manifest)))
        #expect(try !spool.client.isPublished(Digest(of: manifest + [10])))

        let wrong = [
            (
                "one atom", "1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=1\nH 0 0 0 0 0 0\n",
                "1 atoms, not 2"
            ),
            ("another element", Self.result(0.75).replacing("H 0 0 0.75", with: "O 0 0 0.75"), "O"),
            ("no number", Self.result(0.75, energy: "nan"), "not a number"),
            ("Bohr", Self.result(0.85 / 0.529177), "Bohr"),
            ("no structure", "what is this", "h2.result.extxyz"),
        ]
        for (name, text, reason) in wrong {
            try spool.drop("h2.result.extxyz", text)
            try await spool.work()
            let status = try spool.client.status(of: "h2")
            #expect(status.state == .waitingForDFT, "\(name): \(status.state)")
            #expect(status.reason.contains(reason), "\(name): \(status.reason)")
            #expect(!spool.files("inbox").contains("h2.result.extxyz"), "\(name)")
        }
        #expect(try spool.bytes("outbox/h2/01-dft/MANIFEST.json") == manifest)

        try spool.drop("h2.result.extxyz", Self.result(0.75))
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .completed, "\(status.reason)")
        #expect((status.fmax ?? 1) < 0.05)
        let summary = try #require(spool.text("outbox/h2/summary.yaml"))
        #expect(summary.contains("aurelax_summary: 1\n"))
        #expect(summary.contains("state: completed\n"))
        #expect(summary.contains("energy: -26.5  # eV\n"), "\(summary)")

        // A late copy of the result changes nothing.
        try spool.drop("h2.result.extxyz", Self.result(0.76))
        try await spool.work()
        #expect(try spool.client.status(of: "h2") == status)
        #expect(!spool.files("inbox").contains("h2.result.extxyz"))
        #expect(try spool.history(of: "h2").filter { $0.contains("→ completed") }.count == 1)
    }

    @Test("Packages have the order of their jobs") func turns() async throws {
        for (name, priority) in [("slow", 0), ("urgent", 5), ("next", 0)] {
            try spool.drop("\(name).xyz", hydrogen)
            try spool.drop(
                "\(name).yaml",
                outsideJob(name, structure: "\(name).xyz", extra: "priority: \(priority)\n"))
            try await spool.work()
        }
        #expect(try spool.client.packagesInTurn() == ["urgent/01-dft", "slow/01-dft", "next/01-dft"])

        _ = try spool.client.request(.pause, of: "slow")
        #expect(try spool.client.packagesInTurn() == ["urgent/01-dft", "next/01-dft"])
        _ = try spool.client.request(.resume, of: "slow")
        try spool.drop("urgent.result.extxyz", Self.result(0.75))
        try await spool.work()
        #expect(try spool.client.packagesInTurn() == ["slow/01-dft", "next/01-dft"])

        _ = try spool.client.request(.cancel, of: "next")
        _ = try spool.client.request(.retry, of: "next")
        try await spool.work()
        #expect(try spool.client.packagesInTurn() == ["slow/01-dft", "next/01-dft.2"])
    }

    @Test("An unconverged calculation is a result") func unconvergedIsAResult() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        try spool.drop("h2.result.extxyz", Self.result(0.78, forces: 0.4))
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .failed)
        #expect(status.reason.contains("fmax 0.4 eV/Å, not below 0.05 eV/Å"), "\(status.reason)")
        #expect(spool.text("outbox/h2/summary.yaml")?.contains("converged: false") ?? false)
    }

    /// The second stage starts from the geometry at which the first one ended, and has a package of its own.
    @Test("A stage starts from the result of the previous stage") func stagesChain() async throws {
        try spool.drop(
            "two.yaml", outsideJob("two") + "  - dft: {engine: tblite, fmax: 0.02}\n")
        try await spool.work()
        try spool.drop("two.result.extxyz", Self.result(0.7625))
        try await spool.work()
        let status = try spool.client.status(of: "two")
        #expect((status.state, status.stage, status.stages) == (.waitingForDFT, 2, 2))
        #expect(status.folder == "two/02-dft")
        let sent = try ExtXYZ.read(path: spool.path + "/outbox/two/02-dft/initial.extxyz")
        #expect(try #require(sent.first).positions.map(\.z) == [0, 0.7625])
        try spool.drop("two.result.extxyz", Self.result(0.7615))
        try await spool.work()
        #expect(try spool.state(of: "two") == .completed)
        #expect(spool.text("outbox/two/summary.yaml")?.contains("dft_steps:") ?? false)
    }

    @Test("Requests arrive by file and by command") func requests() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        try spool.drop("h2.pause", "")
        try await spool.work()
        #expect(try spool.state(of: "h2") == .paused)
        #expect(try spool.client.request(.resume, of: "h2").state == .queued)
        try await spool.work()
        #expect(try spool.state(of: "h2") == .waitingForDFT)

        try spool.drop("h2.cancel", "")
        try await spool.work()
        #expect(try spool.state(of: "h2") == .cancelled)
        #expect(spool.exists("outbox/h2/01-dft/CANCELLED"), "the package has no CANCELLED")
        #expect(spool.exists("outbox/h2/summary.yaml"))
        #expect(!spool.files("inbox").contains { $0.hasPrefix("h2.") })
        let error = #expect(throws: WorkflowError.self) { try spool.client.request(.pause, of: "h2") }
        #expect(error?.description == "cannot pause h2: it is cancelled")

        // A retry is another attempt with a new package. The old package is not changed.
        let before = try spool.bytes("outbox/h2/01-dft/MANIFEST.json")
        _ = try spool.client.request(.retry, of: "h2")
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect((status.state, status.attempt) == (.waitingForDFT, 2))
        #expect(status.folder == "h2/01-dft.2")
        #expect(spool.exists("outbox/h2/01-dft.2/MANIFEST.json"))
        #expect(!spool.exists("outbox/h2/01-dft.2/CANCELLED"))
        #expect(try spool.bytes("outbox/h2/01-dft/MANIFEST.json") == before)
    }

    @Test("Jobs wait for the jobs under ‘after’") func jobsComeAfterOthers() async throws {
        try spool.drop("a.yaml", outsideJob("a"))
        try spool.drop("b.yaml", outsideJob("b", structure: "b.xyz", extra: "after: [a]\n"))
        try spool.drop("c.yaml", outsideJob("c", structure: "c.xyz", extra: "after: [a, b]\n"))
        for name in ["b", "c"] { try spool.drop("\(name).xyz", hydrogen) }
        try await spool.work()
        var b = try spool.client.status(of: "b")
        #expect((b.state, b.reason) == (.queued, "waiting for a (waiting-for-dft)"))
        try spool.drop("a.result.extxyz", Self.result(0.75))
        try await spool.work()
        b = try spool.client.status(of: "b")
        #expect(b.state == .waitingForDFT, "\(b.reason)")
        _ = try spool.client.request(.cancel, of: "b")
        try await spool.work()
        let c = try spool.client.status(of: "c")
        #expect((c.state, c.reason) == (.failed, "it comes after ‘b’, which was cancelled"))
        #expect(spool.text("outbox/c/status.yaml")?.contains("state: failed\n") ?? false)
    }

    @Test("A spool has only one daemon", .tags(.fault08)) func fault08OneDaemon() async throws {
        let first = Task { [daemon = spool.daemon(once: false)] in try await daemon.run() }
        // The daemon takes the lock before it creates the store, so the lock is held when the store exists.
        while !spool.exists(".aurelax/jobs.sqlite") { try await Task.sleep(for: .milliseconds(10)) }
        let error = await #expect(throws: WorkflowError.self) { try await spool.work() }
        #expect(error?.exitStatus == .locked)
        #expect(
            error?.description.contains("process \(ProcessInfo.processInfo.processIdentifier) on ") ?? false,
            "\(error?.description ?? "")")
        first.cancel()
        _ = await first.result
        try await spool.work()
    }
}

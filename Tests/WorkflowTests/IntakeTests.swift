import Atomistics
import DurableFiles
import Foundation
import Synchronization
import SystemPackage
import Testing
import Workflow

/// Long work for one job delays neither the other jobs nor the end of the daemon.
@Suite struct IntakeTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    /// A gate at which a thread waits until the gate is opened.
    private final class Gate: Sendable {
        private let isOpen = Atomic<Bool>(false)
        private let visitors = Atomic<Int>(0)
        func open() { isOpen.store(true, ordering: .relaxed) }
        /// Number of calls of `pass`, including calls that still wait.
        var count: Int { visitors.load(ordering: .relaxed) }
        func pass() {
            visitors.add(1, ordering: .relaxed)
            let end = ContinuousClock.now + .seconds(120)
            while !isOpen.load(ordering: .relaxed), ContinuousClock.now < end { usleep(2000) }
        }
    }

    private func dropJob(_ name: String) throws {
        try spool.drop("\(name).xyz", hydrogen)
        try spool.drop("\(name).yaml", outsideJob(name, structure: "\(name).xyz"))
    }

    /// Writes a result that is refused, because its trajectory does not belong to the package.
    private func leaveResult(of job: String) throws {
        let result = "\(spool.path)/outbox/\(job)/01-dft/result"
        try FileManager.default.createDirectory(atPath: result, withIntermediateDirectories: false)
        let digest = String(repeating: "0", count: 64)
        try Data("2\n\nH 0 0 0\nH 0 0 1\n".utf8).write(
            to: URL(fileURLWithPath: "\(result)/trajectory.extxyz"))
        let manifest = try JSONSerialization.jsonObject(
            with: Data(spool.bytes("outbox/\(job)/01-dft/MANIFEST.json")))
        let inputs = try #require((manifest as? [String: Any])?["inputs"] as? String)
        let marker = """
            {"format": 1, "job": "\(job)", "stage": 1, "attempt": 1, "inputs": "\(inputs)", "verdict": "converged",
             "files": [{"name": "trajectory.extxyz", "size": 19, "sha256": "\(digest)"}]}
            """
        try Data(marker.utf8).write(to: URL(fileURLWithPath: "\(result)/DONE.json"))
    }

    private func turns(_ engine: Engine, until condition: () throws -> Bool) async throws {
        try await spool.turn(engine, seconds: 60, until: condition)
        #expect(try condition())
    }

    @Test("While a result is being read, other jobs are accepted and published")
    func aResultThatTakesLong() async throws {
        try dropJob("slow")
        let engine = try spool.engine { $0.patience = .milliseconds(20) }
        try await turns(engine) { (try? spool.state(of: "slow")) == .waitingForDFT }
        try leaveResult(of: "slow")
        let gate = Gate()
        try await SyscallHook.interrupt({ call, path in
            if call == .read, path.string.hasSuffix("result/trajectory.extxyz") { gate.pass() }
            return nil
        }) {
            let end = ContinuousClock.now + .seconds(30)
            while gate.count == 0, ContinuousClock.now < end {
                _ = try await engine.turn()
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        try dropJob("other")
        let end = ContinuousClock.now + .seconds(60)
        while !spool.exists("outbox/other/01-dft/MANIFEST.json"), ContinuousClock.now < end {
            #expect(try await !engine.turn(), "the engine does not wait: it reads a result")
        }
        #expect(spool.exists("outbox/other/01-dft/MANIFEST.json"))
        #expect(gate.count == 1)
        #expect(!spool.exists("outbox/slow/01-dft/result.refused"))
        gate.open()
        // The folder appears before the pass of the main loop that writes the reason into the status.
        try await turns(engine) {
            try spool.exists("outbox/slow/01-dft/result.refused/REFUSED.txt")
                && spool.client.status(of: "slow").reason.contains("trajectory.extxyz")
        }
    }

    @Test("While a structure is being converted, other jobs are accepted; one that fails is set aside")
    func aConversionThatTakesLong() async throws {
        let go = "\(spool.path)/go"
        let python = "\(spool.path)/python"
        try Data(
            "#!/bin/sh\nn=0; while [ ! -e \(go) ] && [ $n -lt 1200 ]; do sleep 0.05; n=$((n+1)); done\necho no >&2; exit 1\n"
                .utf8
        ).write(to: URL(fileURLWithPath: python))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: python)
        let engine = try spool.engine { $0.python = python }
        try spool.drop("water.cif", "data_water\n")
        try spool.drop("water.yaml", outsideJob("water", structure: "water.cif"))
        _ = try await engine.turn()
        try dropJob("other")
        try await turns(engine) { spool.exists("outbox/other/01-dft/MANIFEST.json") }
        #expect(spool.client.filesInInbox() == ["water.yaml"])
        #expect(spool.text(".aurelax/inbox.json")?.contains("its structure is being read") == true)
        _ = FileManager.default.createFile(atPath: go, contents: nil)
        // A file may be half written for ten seconds, so the job is set aside only after that time.
        try await turns(engine) { spool.exists("outbox/rejected/water/diagnostics.txt") }
        let why = try #require(spool.text("outbox/rejected/water/diagnostics.txt"))
        #expect(why.contains("water.cif"), "\(why)")
    }

    @Test("A package that cannot be read is read again after growing pauses, not at every poll")
    func backOff() async throws {
        try dropJob("h2")
        let engine = try spool.engine { $0.interval = .seconds(60) }
        try await turns(engine) { (try? spool.state(of: "h2")) == .waitingForDFT }
        let looks = Atomic<Int>(0)
        try await SyscallHook.interrupt({ call, path in
            guard call == .open, path.string.hasSuffix("01-dft/parameters.json") else { return nil }
            looks.add(1, ordering: .relaxed)
            return .fail(.permissionDenied)
        }) {
            try leaveResult(of: "h2")
            for _ in 0..<20 { _ = try await engine.turn() }
        }
        let count = looks.load(ordering: .relaxed)
        #expect(count == 1)
        let reason = try spool.client.status(of: "h2").reason
        #expect(reason.contains("cannot be read") && reason.contains("parameters.json"), "\(reason)")
        // If the files of the package change, it is read again at once.
        try FileManager.default.removeItem(atPath: "\(spool.path)/outbox/h2/01-dft/result")
        try leaveResult(of: "h2")
        try await turns(engine) { spool.exists("outbox/h2/01-dft/result.refused") }
    }

    @Test("If a job fails, all jobs that wait for it fail, however long the chain is")
    func chain() async throws {
        for number in 0..<12 {
            try spool.drop("c\(number).xyz", hydrogen)
            let after = number == 0 ? "head" : "c\(number - 1)"
            try spool.drop(
                "c\(number).yaml",
                outsideJob("c\(number)", structure: "c\(number).xyz", extra: "after: [\(after)]\n"))
        }
        let engine = try spool.engine()
        try await turns(engine) { (try? spool.state(of: "c11")) == .queued }
        _ = try await engine.turn()
        #expect(try spool.client.status(of: "c3").reason == "waiting for c2 (queued)")
        _ = try spool.client.request(.cancel, of: "c0")
        try await turns(engine) { try spool.state(of: "c11") == .failed }
        #expect(try spool.client.status(of: "c11").reason == "it comes after ‘c10’, which failed")
    }

    @Test(
        "The daemon stops in time while a job's files are being written; the next start writes them")
    func stopWhilePublishing() async throws {
        let engine = try spool.engine {
            $0.patience = .milliseconds(20)
            $0.grace = .milliseconds(300)
        }
        let gate = Gate()
        try await SyscallHook.interrupt({ call, path in
            if call == .rename, path.string.hasSuffix("h2/status.yaml") { gate.pass() }
            return nil
        }) {
            try dropJob("h2")
            let end = ContinuousClock.now + .seconds(60)
            while gate.count == 0, ContinuousClock.now < end { _ = try await engine.turn() }
        }
        let start = ContinuousClock.now
        #expect(await !engine.stop())
        #expect(start.duration(to: .now) < .seconds(30))
        #expect(try await engine.turn(), "a daemon that stops must not begin new work")
        #expect(!spool.exists("outbox/h2/status.yaml"))
        gate.open()
        try await spool.work()
        #expect(spool.text("outbox/h2/status.yaml")?.contains("waiting-for-dft") == true)
    }

    /// A force field whose Hessian waits until the test releases it.
    private struct SlowHessian: ForceField {
        let progress: Progress
        let hasEnergy = true
        let provenance = ForceFieldProvenance(name: "slow", kind: "test", version: "1", levelOfTheory: "none")

        final class Progress: Sendable {
            private let state = Mutex((steps: 0, ended: 0))
            var steps: Int { state.withLock { $0.steps } }
            /// Number of calculations of a Hessian that have ended.
            var ended: Int { state.withLock { $0.ended } }
            func step() { state.withLock { $0.steps += 1 } }
            func end() { state.withLock { $0.ended += 1 } }
        }

        func predict(_ atoms: Atoms) throws -> ForcePrediction {
            ForcePrediction(
                forces: atoms.positions.map { _ in .zero }, energy: 0, classes: atoms.elements.map(\.symbol),
                outOfDomain: atoms.elements.map { _ in false })
        }

        func hessian(
            _ atoms: Atoms, progress: @Sendable (_ done: Int, _ of: Int) throws -> Void
        ) throws -> [Double]? {
            defer { self.progress.end() }
            for step in 0..<60_000 {
                self.progress.step()
                try progress(step, 60_000)
                usleep(2000)
            }
            return nil
        }
    }

    @Test("Cancel ends the computation of a Hessian; so does retry after cancel between two polls")
    func cancelDuringHessian() async throws {
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop(
            "h2.yaml",
            "aurelax: 1\nname: h2\nstructure: h2.xyz\nstages:\n  - ml: {fmax: 0.1}\n  - dft: {engine: tblite, hessian: true}\n"
        )
        let hessian = SlowHessian.Progress()
        let engine = try spool.engine {
            $0.forceField = { _ in SlowHessian(progress: hessian) }
            $0.grace = .seconds(60)
        }
        try await turns(engine) { hessian.steps > 0 }
        _ = try spool.client.request(.cancel, of: "h2")
        _ = try spool.client.request(.retry, of: "h2")
        try await turns(engine) { hessian.ended == 1 }
        #expect(hessian.steps < 60_000)
        // The second attempt calculates its own Hessian. That calculation ends together with the daemon.
        let steps = hessian.steps
        try await turns(engine) { hessian.steps > steps + 2 }
        #expect(await engine.stop())
        #expect(hessian.ended == 2)
        #expect(try spool.client.status(of: "h2").attempt == 2)
    }
}

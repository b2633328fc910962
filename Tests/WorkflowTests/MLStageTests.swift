import Atomistics
import DurableFiles
import Foundation
import Glibc
import JobSpec
import ModelLibrary
import OrderedCollections
import SystemPackage
import Structures
import TestTags
import Testing
import Workflow

/// Jobs with one ML stage, followed from the inbox to the summary. Their small force field is trained for the test.
@Suite(.serialized) struct MLStageTests {
    private let spool: TestSpool
    private let version: String
    private var models: String { spool.path + "/models" }

    init() throws {
        spool = try TestSpool()
        version = try Self.train(in: spool.path + "/models")
    }

    /// Trains a conservative potential on fifteen frames of a ring. It does not have to be accurate.
    static func train(in models: String) throws -> String {
        let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let text = """
            aurelax_recipe: 1
            name: tiny
            kind: soap-potential
            level_of_theory: \(level)
            data:
              - file: \(project)/models/data/rings-pbe-lcao.extxyz
                frames: ["0:15"]
                validation: ["14:15"]
            descriptor: {r_cut: 4, n_max: 4, l_max: 2, sigma: 0.35, cutoff_radius: 4.5, cutoff_width: 4.5}
            inducing: {default: 24, S: 20}
            priors: [3, 10]

            """
        let folder = models + "/tiny"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
        let recipe = RecipeFile(Array(text.utf8), file: folder + "/recipe.yaml")
        return try #require(recipe.recipe, "\(recipe.report)").train().version
    }

    private static let level = "GPAW 26.7.0 PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic"

    private func submit(_ name: String, _ stage: String) throws {
        let ring = ExtXYZ.bytes(of: [GoldThiolateRing(n: 4).atoms])
        try spool.client.submit(
            job("aurelax: 1\nname: \(name)\nmodel: tiny\nstructure: ring.xyz\nstages:\n  - ml: \(stage)\n"),
            structure: ring)
    }

    private func steps(_ log: String) -> [Int] {
        log.split(separator: "\n").dropFirst().compactMap {
            $0.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
    }

    @Test("A job runs from the inbox to its summary") func aWholeJob() async throws {
        try submit("ring", "{fmax: 0.8, max_steps: 300}")
        try await spool.work(models: models)
        let status = try spool.client.status(of: "ring")
        #expect(status.state == .completed, "\(status.reason)")
        let last = try #require(status.step)
        #expect(last > 3)
        #expect((status.fmax ?? 1) < 0.8)
        #expect(spool.files("inbox").isEmpty)
        #expect(
            spool.files("outbox/ring") == [
                ".aurelax-job.json", "01-ml", "events.jsonl", "job.log", "job.yaml", "report.html",
                "status.yaml",
                "summary.yaml",
            ])
        #expect(spool.files("outbox/ring/01-ml") == ["final.extxyz", "optimizer.log", "trajectory.extxyz"])

        let path = try ExtXYZ.read(path: spool.path + "/outbox/ring/01-ml/trajectory.extxyz")
        #expect(path.count == last + 1)
        for frame in path {
            #expect(frame.columns["ml_forces"] != nil)
            #expect(frame.forces == nil && frame.energy == nil, "a prediction under the name of a DFT value")
            #expect(frame.info["model_version"] == .string(version))
        }
        #expect(path.first?.positions == GoldThiolateRing(n: 4).atoms.positions)
        let final = try spool.bytes("outbox/ring/01-ml/final.extxyz")
        #expect(try ExtXYZ.frames(in: final, label: "final") == [path[last]])

        let log = try #require(spool.text("outbox/ring/01-ml/optimizer.log"))
        #expect(log.hasPrefix("      Step     Time       ML-energy          fmax\n"), "\(log)")
        #expect(steps(log) == Array(0...last))
        // The energies in the log are the same as in the frames.
        let lines = log.split(separator: "\n").dropFirst()
        #expect(lines.count == path.count && lines.allSatisfy { $0.hasPrefix("BFGS:") })
        for (line, frame) in zip(lines, path) {
            let energy = frame.info["ml_energy"]?.double
            let text = energy.map { String(format: "%.6f", $0) } ?? "nan"
            #expect(line.contains(" \(text) "), "\(line)")
        }

        let summary = try #require(spool.text("outbox/ring/summary.yaml"))
        for line in [
            "state: completed", "ml_steps: \(last)", "model_version: \"\(version)\"",
            "model_level_of_theory: \"\(Self.level)\"", "final_sha256: \"\(Digest(of: final))\"",
            "units: \"Angstrom, eV, eV/Angstrom, s\"", "requested_fmax: 0.8  # eV/Angstrom",
        ] {
            #expect(summary.contains(line + "\n"), "no ‘\(line)’ in\n\(summary)")
        }
        #expect(!summary.contains("dft_steps"))
        for file in ["01-ml/final.extxyz", "01-ml/optimizer.log", "01-ml/trajectory.extxyz", "job.yaml"] {
            let bytes = try spool.bytes("outbox/ring/" + file)
            let entry = """
                  - path: "\(file)"
                    bytes: \(bytes.count)
                    sha256: "\(Digest(of: bytes))"

                """
            #expect(summary.contains(entry), "no ‘\(entry)’ in\n\(summary)")
        }
        #expect(try spool.client.summary(of: "ring") == summary)
    }

    /// The stage is stopped in the middle, its files are truncated as after a crash, and it is started again. Every
    /// step then occurs once, and every number is the same as without the interruption.
    @Test("An interrupted stage resumes from its last step", .tags(.fault30))
    func fault30Interrupted() async throws {
        let stage = "{fmax: 1.0e-6, max_steps: 250, maxstep: 0.02}"
        try submit("through", stage)
        try await spool.work(models: models)
        let whole = try spool.bytes("outbox/through/01-ml/trajectory.extxyz")

        try submit("torn", stage)
        let trajectory = "outbox/torn/01-ml/trajectory.extxyz"
        for cut in [1, 700, 0] {
            let had = (try? spool.bytes(trajectory).count) ?? 0
            let running = startSlowly()
            while ((try? spool.bytes(trajectory).count) ?? 0) < had + 20_000, !isOver("torn") {
                try await Task.sleep(for: .milliseconds(2))
            }
            running.cancel()
            _ = await running.result
            #expect(try spool.state(of: "torn") == .queued)
            let there = try spool.bytes(trajectory)
            #expect(there.count < whole.count, "the stage ended before it could be interrupted")
            let torn = cut == 0 ? there + Array("24\nProperties=".utf8) : Array(there.dropLast(cut))
            try Data(torn).write(to: URL(fileURLWithPath: "\(spool.path)/\(trajectory)"))
        }
        try await spool.work(models: models)
        let status = try spool.client.status(of: "torn")
        #expect((status.state, status.step) == (.failed, 250), "\(status.reason)")
        #expect(try spool.bytes(trajectory) == whole)
        #expect(steps(try #require(spool.text("outbox/torn/01-ml/optimizer.log"))) == Array(0...250))
        #expect(
            try spool.bytes("outbox/torn/01-ml/final.extxyz")
                == spool.bytes("outbox/through/01-ml/final.extxyz"))
    }

    /// Starts the daemon in a separate task. The force field takes some time for each frame, so that a stage can be
    /// stopped before its end even on a busy machine.
    private func startSlowly() -> Task<Void, any Error> {
        let daemon = spool.daemon(models: models, once: false)
        return Task {
            try await SyscallHook.interrupt({ call, path in
                if call == .write, path.string.hasSuffix("trajectory.extxyz") { usleep(20_000) }
                return nil
            }) {
                try await daemon.run()
            }
        }
    }

    private func isOver(_ job: String) -> Bool { (try? spool.state(of: job).isFinal) ?? false }

    @Test("A stage is paused between two steps and resumed") func pauseAndResume() async throws {
        try submit("ring", "{fmax: 1.0e-6, max_steps: 250, maxstep: 0.02}")
        let running = startSlowly()
        while ((try? spool.bytes("outbox/ring/01-ml/trajectory.extxyz").count) ?? 0) < 20_000 {
            try await Task.sleep(for: .milliseconds(2))
        }
        _ = try spool.client.request(.pause, of: "ring")
        // The stage stops between two steps, long before the last step.
        var frames = 0
        while case let now = try spool.bytes("outbox/ring/01-ml/trajectory.extxyz").count, now != frames {
            frames = now
            try await Task.sleep(for: .seconds(1))
        }
        #expect(steps(try #require(spool.text("outbox/ring/01-ml/optimizer.log"))).count < 250)
        #expect(try spool.state(of: "ring") == .paused)
        _ = try spool.client.request(.resume, of: "ring")
        while try !spool.state(of: "ring").isFinal { try await Task.sleep(for: .milliseconds(20)) }
        running.cancel()
        _ = await running.result
        #expect(steps(try #require(spool.text("outbox/ring/01-ml/optimizer.log"))) == Array(0...250))
    }

    /// The hydrogen atoms move first, then the other atoms, in each of two rounds.
    @Test("Parts move in turn") func partsMoveInTurn() async throws {
        try submit(
            "turns",
            "{fmax: 0.01, alternate: [{move: {elements: [H]}, steps: 3}, {move: {elements: [S, C, Au]}, steps: 2}], rounds: 2}"
        )
        try await spool.work(models: models)
        let path = try ExtXYZ.read(path: spool.path + "/outbox/turns/01-ml/trajectory.extxyz")
        #expect(path.count == 11)
        for (step, (before, after)) in zip(path, path.dropFirst()).enumerated() {
            for i in 0..<before.count {
                let mayMove = (before.elements[i] == .hydrogen) == (step % 5 < 3)
                #expect(mayMove || before.positions[i] == after.positions[i], "atom \(i) in step \(step)")
            }
        }
    }

    @Test("A stop has a reason, and the best frame is kept") func stopReason() async throws {
        try submit("seen", "{fmax: 0.0001, stop_below_uncertainty: 1000}")
        try submit("best", "{fmax: 0.0001, max_steps: 6, maxstep: 0.3, optimizer: fire, keep: lowest-energy}")
        try submit("nowhere", "{move: {units: [99]}}")
        try await spool.work(models: models)
        let seen = try spool.client.status(of: "seen")
        #expect(
            seen.state == .completed && seen.reason.contains("the model cannot resolve smaller forces"),
            "\(seen.reason)"
        )

        let path = try ExtXYZ.read(path: spool.path + "/outbox/best/01-ml/trajectory.extxyz")
        let final = try #require(ExtXYZ.read(path: spool.path + "/outbox/best/01-ml/final.extxyz").first)
        let lowest = path.compactMap { $0.info["ml_energy"]?.double }.min()
        #expect(final.info["ml_energy"]?.double == lowest)

        let nowhere = try spool.client.status(of: "nowhere")
        #expect(nowhere.state == .failed && nowhere.reason.contains("no unit 99"), "\(nowhere.reason)")
    }

    @Test("A missing model fails only its job") func missingModels() async throws {
        try submit("ring", "{model: nowhere}")
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work(models: models)
        let status = try spool.client.status(of: "ring")
        #expect(status.state == .failed)
        #expect(status.reason.contains("nowhere"), "\(status.reason)")
        #expect(try spool.state(of: "h2") == .waitingForDFT)
    }
}

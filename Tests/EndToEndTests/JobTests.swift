import Foundation
import SystemPackage
import TestTags
import Testing

/// Real daemons on real spools.
@Suite(.serialized, .enabled(if: Available.slow)) struct JobTests {
    /// The job has an ML stage and a stage with GFN1-xTB; the local runner runs the second one.
    @Test("A dropped job is completed", .enabled(if: Available.python)) func droppedJob() async throws {
        let spool = try Spool()
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let runner = try BackgroundProgram(["dft", "serve"], spool: spool, log: "runner.log")
        try await spool.dropSmallJob()
        let isCompleted = try await spool.waitForState("completed", of: "small", seconds: 120)
        #expect(
            isCompleted, "\(spool.text("outbox/small/status.yaml") ?? "")\n\(spool.text("daemon.log") ?? "")")
        try expectCompleted(spool, job: "small")
        #expect(runner.stop() == 0)
        #expect(daemon.stop() == 0)
        #expect(spool.files("inbox").isEmpty)
    }

    /// Real GPAW calculates three single points along a path of H₂. The daemon itself runs the package.
    @Test("Single points are computed along a path", .enabled(if: Available.python)) func singlePoints()
        async throws
    {
        let spool = try Spool()
        try "aurelax: 1\ndft: {executor: local}\n".write(
            toFile: spool.path.appending("aurelax.yaml").string, atomically: true, encoding: .utf8)
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        try spool.drop("h2.xyz", "2\n\nH 0 0 0\nH 0 0 1.0\n")
        try spool.drop(
            "h2.yaml",
            """
            aurelax: 1
            structure: h2.xyz
            stages:
              - dft: {engine: tblite, fmax: 0.05, maxstep: 0.05}
              - single-points: {frames: 3, h: 0.2, vacuum: 2.5}

            """)
        #expect(
            try await spool.waitForState("completed", of: "h2", seconds: 180),
            "\(spool.text("outbox/h2/status.yaml") ?? "")\n\(spool.text("daemon.log") ?? "")")
        #expect(daemon.stop() == 0)
        let package = "outbox/h2/02-single-points"
        let frames = try #require(spool.text("\(package)/result/trajectory.extxyz"))
        #expect(frames.matches(of: /verdict="converged"/).count == 3, "\(frames)")
        #expect(frames.contains("level_of_theory=\"GPAW "), "\(frames)")
        let summary = try #require(spool.text("outbox/h2/summary.yaml"))
        #expect(summary.contains("points_calculated: 3\n"), "\(summary)")
        let energies = summary.matches(of: /verdict: converged, energy: (\S+),/).compactMap { Double($0.1) }
        // The energy falls as the molecule approaches its bond length.
        #expect(energies.count == 3 && energies[2] < energies[0], "\(summary)")
        let shown = try await Program.run(["status", "h2"], spool: spool.path).output
        #expect(shown.contains("stage 2 single points") && shown.contains("points: 3 of 3"), "\(shown)")
        let added = try await Program.run(
            ["dataset", "add", "mine", package], spool: spool.path, in: spool.path)
        #expect(
            added.status == 0 && added.output.contains("3 frames added"), "\(added.errors)\(added.output)")
    }

    @Test(
        "A job is completed once, with a kill in every stage", .tags(.fault01), .enabled(if: Available.python)
    )
    func fault01KilledInEveryStage() async throws {
        let spool = try Spool()
        let slow = smallJob.replacingOccurrences(of: "fmax: 0.1,", with: "fmax: 0.001, maxstep: 0.02,")
        var daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        try await spool.dropSmallJob(slow)
        // The daemon is killed during the ML stage.
        #expect(
            try await spool.wait(seconds: 60) {
                (spool.text("outbox/small/01-ml/optimizer.log")?.split(separator: "\n").count ?? 0) > 3
            })
        daemon.kill()
        daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        // The daemon is killed while the job waits for DFT.
        #expect(try await spool.waitForState("waiting-for-dft", of: "small", seconds: 120))
        daemon.kill()
        let before = spool.text("outbox/small/02-dft/MANIFEST.json")
        daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let runner = try BackgroundProgram(["dft", "serve"], spool: spool, log: "runner.log")
        #expect(try await spool.waitForState("completed", of: "small", seconds: 120))
        #expect(spool.text("outbox/small/02-dft/MANIFEST.json") == before)
        try expectCompleted(spool, job: "small")
        _ = runner.stop()
        #expect(daemon.stop() == 0)

        // The step numbers are consecutive: no step was written twice and none is missing.
        let log = try #require(spool.text("outbox/small/01-ml/optimizer.log"))
        let steps = log.split(separator: "\n").compactMap { line in
            line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
        #expect(steps == Array(0..<steps.count), "\(log)")
    }

    @Test("The next daemon resumes the job of a terminated one", .tags(.fault30))
    func fault30TerminatedDaemon() async throws {
        let spool = try Spool()
        var daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let job = """
            aurelax: 1
            name: small
            structure: small.xyz
            stages:
              - ml: {fmax: 0.001, max_steps: 600, maxstep: 0.002}

            """
        try await spool.dropSmallJob(job)
        #expect(
            try await spool.wait(seconds: 60) {
                (spool.text("outbox/small/01-ml/optimizer.log")?.split(separator: "\n").count ?? 0) > 3
            })
        #expect(daemon.stop() == 0)
        #expect(try await spool.status(of: "small")?.state == "queued")
        daemon = try BackgroundProgram(["daemon", "--once"], spool: spool, log: "daemon.log")
        #expect(try await spool.wait(seconds: 60) { !daemon.isRunning })
        let state = try await spool.status(of: "small")?.state
        #expect(state == "completed" || state == "failed", "the job has not ended with its only stage")
    }

    /// A package is run in another folder, and its result is copied back by hand.
    @Test("A result returned by hand is taken in", .enabled(if: Available.python)) func returnedByHand()
        async throws
    {
        let spool = try Spool()
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        try spool.drop("h2.xyz", "2\n\nH 0 0 0\nH 0 0 0.85\n")
        try spool.drop(
            "h2.yaml", "aurelax: 1\nstructure: h2.xyz\nstages:\n  - dft: {engine: tblite, fmax: 0.05}\n")
        #expect(try await spool.waitForState("waiting-for-dft", of: "h2"))
        let listed = try await Program.run(["status", "--json"], spool: spool.path).output
        #expect(listed.contains("\"fmax\" : null") && listed.contains("\"step\" : null"), "\(listed)")
        let elsewhere = spool.path.appending("elsewhere").string
        try FileManager.default.copyItem(
            atPath: spool.path.string + "/outbox/h2/01-dft", toPath: elsewhere)
        let run = try await Program.run(["dft", "run", elsewhere])
        #expect(run.status == 0, "\(run.errors)")

        // First a result of another molecule: it is refused, and the job continues to wait.
        try spool.drop(
            "h2.result.extxyz", "1\nenergy=1 Properties=species:S:1:pos:R:3:forces:R:3\nH 0 0 0 0 0 0\n")
        #expect(
            try await spool.wait {
                try await spool.status(of: "h2")?.reason.contains("1 atoms, not 2") ?? false
            })
        let result = try #require(spool.text("elsewhere/result/final.extxyz"))
        try spool.drop("h2.result.extxyz", result)
        #expect(try await spool.waitForState("completed", of: "h2"))
        #expect(spool.text("outbox/h2/summary.yaml")?.contains("GFN1-xTB") ?? false)
        #expect(daemon.stop() == 0)
    }

    @Test("A bad job is set aside with all diagnostics") func badJob() async throws {
        let spool = try Spool()
        try spool.drop("bad.yaml", "aurelax: 1\nstages:\n  - ml: {fmx: 1}\nstructure: none.xyz\n")
        let result = try await Program.run(["daemon", "--once"], spool: spool.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(spool.files("inbox").isEmpty)
        let folder = try #require(spool.files("outbox/rejected").first)
        let files = spool.files("outbox/rejected/" + folder)
        #expect(files.contains("bad.yaml"), "\(files)")
        let text = files.compactMap { spool.text("outbox/rejected/\(folder)/\($0)") }.joined()
        #expect(text.contains("fmax"), "no hint in \(text)")
    }

    /// The job has a hybrid stage (ML, a single point that checks the result, a decision with its reason), and a
    /// relaxation after it.
    @Test("A hybrid stage decides by its checks", .enabled(if: Available.python)) func hybridStage()
        async throws
    {
        let spool = try Spool()
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let runner = try BackgroundProgram(["dft", "serve"], spool: spool, log: "runner.log")
        let job = """
            aurelax: 1
            name: small
            structure: small.xyz
            stages:
              - hybrid: {ml: {fmax: 0.3}, check: {engine: tblite, fmax: 0.05}, rounds: 3}
              - dft: {engine: tblite, fmax: 0.5, max_steps: 100}

            """
        try await spool.dropSmallJob(job)
        let isCompleted = try await spool.waitForState("completed", of: "small", seconds: 180)
        #expect(
            isCompleted, "\(spool.text("outbox/small/status.yaml") ?? "")\n\(spool.text("daemon.log") ?? "")")
        let summary = try #require(spool.text("outbox/small/summary.yaml"))
        // The model was not trained on GFN1-xTB: the check shows that its forces are wrong, and the
        // stage reports it.
        #expect(
            summary.contains("decision: ") && summary.contains("further rounds would not help"), "\(summary)")
        #expect(summary.contains("model_largest_force_error: "), "\(summary)")
        // The remaining rounds are skipped.
        let folders = spool.files("outbox/small").filter { $0.hasPrefix("0") }
        #expect(folders == ["01-ml", "02-dft", "07-dft"], "\(folders)")
        // The relaxation after the check still gets the model's Hessian.
        #expect(spool.exists("outbox/small/07-dft/hessian.npy"))
        _ = runner.stop()
        #expect(daemon.stop() == 0)
    }

    /// A small model of a fast method meets a structure that is absent from its training data. Training on the checks
    /// improves the model, and the stage reports by how much.
    @Test("A hybrid stage trains its model on its checks", .enabled(if: Available.python && Available.slow))
    func learningHybridStage()
        async throws
    {
        let spool = try Spool()
        try "aurelax: 1\ndft: {executor: local}\n".write(
            toFile: spool.path.appending("aurelax.yaml").string, atomically: true, encoding: .utf8)
        try await spool.dropSmallJob(
            "aurelax: 1\nname: first\nstructure: small.xyz\nstages:\n  - dft: {engine: tblite, fmax: 0.2}\n")
        let first = try await Program.run(["daemon", "--once"], spool: spool.path)
        #expect(try await spool.status(of: "first")?.state == "completed", "\(first.errors)")

        let models = spool.path.appending("models")
        let folder = models.appending("small").string
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let set = folder + "/set"
        let added = try await Program.run(
            ["dataset", "add", set, "first", "--distance", "0"], spool: spool.path)
        #expect(added.status == 0, "\(added.errors)")
        let header = try #require(FileManager.default.contents(atPath: set + "/data-set.json"))
        let level = try #require(
            (JSONSerialization.jsonObject(with: header) as? [String: Any])?["level_of_theory"] as? String)
        try """
        aurelax_recipe: 1
        name: small
        kind: soap-potential
        level_of_theory: \(level)
        data: [{file: set}]
        inducing: {default: 60}

        """.write(toFile: folder + "/recipe.yaml", atomically: true, encoding: .utf8)
        let trained = try await Program.run(["train", folder + "/recipe.yaml"])
        #expect(trained.status == 0, "\(trained.errors)")

        try await spool.dropSmallJob(
            """
            aurelax: 1
            name: second
            structure: small.xyz
            model: small
            stages:
              - hybrid: {ml: {fmax: 0.01, out_of_domain: continue}, check: {engine: tblite, fmax: 0.005}, rounds: 3, learn: true}
              - dft: {engine: tblite, fmax: 0.2}

            """, distortedBy: 0.15)
        let daemon = try BackgroundProgram(
            ["daemon"], spool: spool, log: "daemon.log", environment: ["AURELAX_MODELS": models.string])
        let isCompleted = try await spool.waitForState("completed", of: "second", seconds: 240)
        #expect(
            isCompleted, "\(spool.text("outbox/second/status.yaml") ?? "")\n\(spool.text("daemon.log") ?? "")"
        )
        #expect(daemon.stop() == 0)
        let summary = try #require(spool.text("outbox/second/summary.yaml"))
        #expect(summary.contains("trained on 1 frame of 1 check"), "\(summary)")
        #expect(summary.contains("first_model_largest_force_error: "), "\(summary)")
        #expect(summary.contains("largest force error there: trained model"), "\(summary)")
        #expect(spool.exists("outbox/second/03-ml/learnt.aurelax-model"))
        // The model that the job has trained differs from the library's, and it names the frames that it was trained
        // on.
        let versions = try await Program.run(["model", "info", folder + "/small.aurelax-model", "--json"])
        let learnt = try await Program.run(
            [
                "model", "info", spool.path.appending("outbox/second/03-ml/learnt.aurelax-model").string,
                "--json",
            ])
        #expect(
            versions.output != learnt.output && learnt.output.contains("learnt-from.extxyz"),
            "\(learnt.output)")
    }

    @Test("Packages are run by priority, and none of a paused job", .enabled(if: Available.python))
    func priorities() async throws {
        let spool = try Spool()
        for (name, priority) in [("later", 0), ("sooner", 5), ("waits", 9)] {
            try spool.drop(
                "\(name).yaml",
                """
                aurelax: 1
                priority: \(priority)
                structure: |
                  2

                  H 0 0 0
                  H 0 0 0.85
                stages:
                  - dft: {engine: tblite, fmax: 0.05}

                """)
        }
        func run(_ command: String...) async throws {
            let outcome = try await Program.run(command, spool: spool.path)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        func served() async throws -> [String] {
            let served = try await Program.run(["dft", "serve", "--once"], spool: spool.path)
            #expect(served.status == 0, "\(served.errors)")
            return served.errors.split(separator: "\n").filter { $0.hasSuffix(": started") }.compactMap {
                line in
                ["later", "sooner", "waits"].first { line.contains("outbox/\($0)/") }
            }
        }
        try await run("daemon", "--once")
        try await run("pause", "waits")
        #expect(try await served() == ["sooner", "later"])
        try await run("resume", "waits")
        try await run("daemon", "--once")
        #expect(try await served() == ["waits"])
    }

    /// With `executor: local` the daemon runs the packages itself.
    @Test("The daemon runs packages itself", .enabled(if: Available.python)) func localExecutor() async throws
    {
        let spool = try Spool()
        try "aurelax: 1\ndft: {executor: local}\n".write(
            toFile: spool.path.appending("aurelax.yaml").string, atomically: true, encoding: .utf8)
        try spool.drop(
            "h2.yaml",
            "aurelax: 1\nstructure: |\n  2\n\n  H 0 0 0\n  H 0 0 0.85\nstages:\n  - dft: {engine: tblite, fmax: 0.05}\n"
        )
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let isCompleted = try await spool.waitForState("completed", of: "h2", seconds: 120)
        #expect(isCompleted, "\(spool.text("daemon.log") ?? "")")
        #expect(daemon.stop() == 0)

        // This daemon does all remaining work and then ends.
        try spool.drop(
            "next.yaml",
            "aurelax: 1\nstructure: |\n  2\n\n  H 0 0 0\n  H 0 0 0.9\nstages:\n  - dft: {engine: tblite, fmax: 0.05}\n"
        )
        let once = try await Program.run(["daemon", "--once"], spool: spool.path)
        #expect(once.status == 0, "\(once.errors)")
        #expect(try await spool.status(of: "next")?.state == "completed", "\(once.errors)")

        // The results can be added to a data set, each source once, with its level of theory.
        let set = spool.path.appending("set").string
        for (job, expected) in [("h2", "added"), ("next", "added"), ("h2", "0 frames added")] {
            let added = try await Program.run(["dataset", "add", set, job], spool: spool.path)
            #expect(added.status == 0 && added.output.contains(expected), "\(added.output)\(added.errors)")
        }
        let stats = try await Program.run(["dataset", "stats", set])
        #expect(
            stats.output.contains("GFN1-xTB") && stats.output.contains("from 2 sources"), "\(stats.output)")
        let exported = try await Program.run([
            "dataset", "export", set, "-o", "-", "--source", "h2, stage 1, attempt 1",
        ])
        #expect(exported.output.contains("origin=\"h2, stage 1, attempt 1, step 0\""), "\(exported.output)")
        let rings = Program.project.appending("models/data/rings-pbe-lcao.extxyz").string
        let mixed = try await Program.run(["dataset", "add", set, rings])
        #expect(mixed.status == 1 && mixed.errors.contains("must not be mixed"), "\(mixed.errors)")
        let unknown = try await Program.run(["dataset", "add", set, "nobody"], spool: spool.path)
        #expect(unknown.status == 7, "\(unknown.errors)")
    }

    @Test("GPAW relaxes hydrogen in a package", .enabled(if: Available.python)) func gpaw() async throws {
        let spool = try Spool()
        let daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
        let runner = try BackgroundProgram(["dft", "serve"], spool: spool, log: "runner.log")
        try spool.drop("h2.xyz", "2\n\nH 0 0 0\nH 0 0 0.85\n")
        try spool.drop(
            "h2.yaml",
            """
            aurelax: 1
            structure: h2.xyz
            stages:
              - dft: {engine: gpaw, basis: sz(dzp), h: 0.3, vacuum: 3.0, fmax: 0.1, max_steps: 20}

            """)
        #expect(
            try await spool.waitForState("completed", of: "h2", seconds: 300),
            "\(spool.text("runner.log") ?? "")\n\(spool.text("daemon.log") ?? "")")
        let final = try #require(spool.text("outbox/h2/01-dft/result/final.extxyz"))
        #expect(final.contains("GPAW"))
        _ = runner.stop()
        _ = daemon.stop()
    }

    private func expectCompleted(_ spool: Spool, job: String) throws {
        for file in [
            "job.yaml", "status.yaml", "job.log", "summary.yaml", "01-ml/trajectory.extxyz",
            "01-ml/optimizer.log", "01-ml/final.extxyz", "02-dft/MANIFEST.json",
            "02-dft/result/final.extxyz", "02-dft/result/trajectory.extxyz",
        ] {
            #expect(spool.exists("outbox/\(job)/\(file)"), "no \(file)")
        }
        let log = try #require(spool.text("outbox/\(job)/01-ml/optimizer.log"))
        #expect(log.hasPrefix("      Step     Time       ML-energy          fmax\n"), "\(log)")
        #expect(!log.contains(" nan "), "the log has no energy although the model predicts energies")
        let ml = try #require(spool.text("outbox/\(job)/01-ml/final.extxyz"))
        #expect(ml.contains("model_version="))
        let summary = try #require(spool.text("outbox/\(job)/summary.yaml"))
        #expect(summary.contains("level_of_theory:"))
        #expect(summary.contains("GFN1-xTB"))
    }
}

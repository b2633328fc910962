import DurableFiles
import Foundation
import Reports
import SystemPackage
import Testing
import Workflow

/// Results and packages that do not belong to the job, and files that cannot be read.
@Suite struct ForeignResultTests {
    private let spool: TestSpool

    init() throws {
        spool = try TestSpool()
        try spool.drop("h2.xyz", hydrogen)
    }

    @Test("A package of the same name that was not published gives no result")
    func foreignPackage() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let other = try TestSpool()
        try other.drop("h2.xyz", hydrogen.replacing("0.85", with: "0.95"))
        try other.drop("h2.yaml", outsideJob("h2"))
        try await other.work()
        let place = "\(spool.path)/outbox/h2/01-dft"
        try FileManager.default.removeItem(atPath: place)
        try FileManager.default.copyItem(atPath: "\(other.path)/outbox/h2/01-dft", toPath: place)
        try spool.drop(
            "h2.result.extxyz",
            """
            2
            Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 pbc="F F F"
            H 0 0 0 0 0 -0.01
            H 0 0 0.75 0 0 0.01
            """)
        try await spool.work()
        // The progress of a calculation with other inputs says nothing about this job.
        let progress =
            #"{"job":"h2","stage":1,"attempt":1,"state":"converged","message":"fmax is low","steps":7,"#
            + #""gradient_calls":8,"wall_time":1,"energy":-1,"fmax":0.004}"#
        try FileManager.default.createDirectory(atPath: "\(place)/result", withIntermediateDirectories: false)
        try Data(progress.utf8).write(to: URL(fileURLWithPath: "\(place)/result/progress.json"))
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .waitingForDFT && status.step == nil && status.fmax == nil, "\(status)")
        #expect(
            status.reason.contains("this daemon has not handed off a package with this MANIFEST.json"),
            "\(status.reason)")
        #expect(!status.reason.contains("fmax is low"), "\(status.reason)")
        #expect(try spool.client.statuses().first?.step == nil)
    }

    @Test("The progress of a job's own run is shown, that of another package's run is not")
    func foreignProgress() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let place = "\(spool.path)/outbox/h2/01-dft"
        let manifest = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: "\(place)/MANIFEST.json")))
        let inputs = try #require((manifest as? [String: Any])?["inputs"] as? String)
        try FileManager.default.createDirectory(atPath: "\(place)/result", withIntermediateDirectories: false)
        for (digest, step) in [(String(repeating: "0", count: 64), nil), (inputs, 7)] {
            let progress =
                #"{"job":"h2","stage":1,"attempt":1,"state":"running","message":"","steps":7,"gradient_calls":8,"#
                + #""wall_time":1,"energy":-1,"fmax":0.004,"inputs":"\#(digest)"}"#
            try Data(progress.utf8).write(to: URL(fileURLWithPath: "\(place)/result/progress.json"))
            #expect(try spool.client.status(of: "h2").step == step)
        }
    }

    @Test("Values missing in a result are shown as not stated")
    func notStated() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        try spool.drop(
            "h2.result.extxyz",
            """
            2
            Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 pbc="T T T"
            H 0 0 0 0 0 -0.01
            H 0 0 0.75 0 0 0.01
            """)
        try await spool.work()
        let summary = try #require(spool.text("outbox/h2/summary.yaml"))
        #expect(summary.contains("engine: \"not stated\""), "\(summary)")
        #expect(summary.contains("level_of_theory: \"not stated\""), "\(summary)")
        #expect(summary.contains("the file claims to be periodic"), "\(summary)")
    }

    @Test(
        "A result of another charge, multiplicity or unit is set aside",
        arguments: [
            ("charge=-1.0", "charge -1, not 0"), ("multiplicity=3", "multiplicity 3, not 1"),
            ("energy_unit=Hartree", "energy_unit is Hartree"),
        ])
    func otherState(_ key: String, _ reason: String) async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        try spool.drop(
            "h2.result.extxyz",
            """
            2
            Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 \(key) pbc="F F F"
            H 0 0 0 0 0 -0.01
            H 0 0 0.75 0 0 0.01
            """)
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .waitingForDFT)
        #expect(status.reason.contains(reason), "\(status.reason)")
    }

    @Test(
        "The multiplicity of a result is compared with that of the job's spin",
        arguments: [(3, JobState.completed), (1, .waitingForDFT)])
    func multiplicityOfTheJob(_ found: Int, _ state: JobState) async throws {
        let job = outsideJob("h2").replacing(
            "engine: tblite", with: "optimizer: bfgs, gpaw: {spin: {multiplicity: 3}}")
        try spool.drop("h2.yaml", job)
        try await spool.work()
        try spool.drop(
            "h2.result.extxyz",
            """
            2
            Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 multiplicity=\(found) pbc="F F F"
            H 0 0 0 0 0 -0.01
            H 0 0 0.75 0 0 0.01
            """)
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        #expect(status.state == state, "\(status.reason)")
    }

    @Test("A result too large for its calculation, and a pipe in its place, are set aside unread")
    func largeResult() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let result = "\(spool.path)/outbox/h2/01-dft/result"
        try FileManager.default.createDirectory(atPath: result, withIntermediateDirectories: false)
        #expect(FileManager.default.createFile(atPath: "\(result)/trajectory.extxyz", contents: nil))
        #expect(truncate("\(result)/trajectory.extxyz", 60 << 30) == 0)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(result)/DONE.json"))
        try await spool.work()
        var status = try spool.client.status(of: "h2")
        #expect(status.reason.contains("it was not read"), "\(status.reason)")
        #expect(spool.exists("outbox/h2/01-dft/result.refused/REFUSED.txt"))
        try FileManager.default.createDirectory(atPath: result, withIntermediateDirectories: false)
        #expect(mkfifo("\(result)/status.json", 0o644) == 0)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(result)/DONE.json"))
        try await spool.work()
        status = try spool.client.status(of: "h2")
        #expect(status.reason.contains("not a plain file"), "\(status.reason)")
    }

    @Test("A result for a paused job waits in the inbox until the job is resumed")
    func pausedJob() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        _ = try spool.client.request(.pause, of: "h2")
        let result = """
            2
            Properties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 pbc="F F F"
            H 0 0 0 0 0 -0.01
            H 0 0 0.75 0 0 0.01
            """
        try spool.drop("h2.result.extxyz", result)
        try await spool.work()
        #expect(spool.exists("inbox/h2.result.extxyz"))
        _ = try spool.client.request(.resume, of: "h2")
        try await spool.work()
        #expect(try spool.state(of: "h2") == .completed)
        // After that the job waits for no result; a further result is set aside, and the job's log says so.
        try spool.drop("h2.result.extxyz", result.replacing("-26.5", with: "-26.6"))
        try await spool.work()
        #expect(
            try spool.client.history(of: "h2").contains { $0.text.contains("h2.result.extxyz was set aside") }
        )
    }

    @Test("Pipes in place of logs and trajectories block neither the status nor the report")
    func pipes() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let result = "\(spool.path)/outbox/h2/01-dft/result"
        try FileManager.default.createDirectory(atPath: result, withIntermediateDirectories: false)
        for name in ["trajectory.extxyz", "optimizer.log", "learning.jsonl", "progress.json", "gpaw.txt"] {
            #expect(mkfifo("\(result)/\(name)", 0o644) == 0)
        }
        let status = try spool.client.status(of: "h2")
        #expect(spool.client.curve(of: status).entries.isEmpty)
        #expect(try spool.client.optimizerLog(of: "h2", stage: 1).isEmpty)
        _ = try spool.client.request(.cancel, of: "h2")
        try await spool.work()
        #expect(try spool.state(of: "h2") == .cancelled)
        let report = try #require(spool.text("outbox/h2/report.html"))
        #expect(report.contains("not a plain file"))
    }

    @Test("The status names a link in place of a result; other jobs continue")
    func linkedResult() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        try FileManager.default.createSymbolicLink(
            atPath: "\(spool.path)/outbox/h2/01-dft/result", withDestinationPath: "/tmp")
        try spool.drop("next.xyz", hydrogen)
        try spool.drop("next.yaml", outsideJob("next", structure: "next.xyz"))
        try await spool.work()
        #expect(try spool.state(of: "next") == .waitingForDFT)
        let status = try spool.client.status(of: "h2")
        #expect(status.reason.contains("a symbolic link, not a directory"), "\(status.reason)")
    }

    @Test("An earlier attempt is stopped after cancel and retry between two polls")
    func cancelAndRetry() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        _ = try spool.client.request(.cancel, of: "h2")
        _ = try spool.client.request(.retry, of: "h2")
        try await spool.work()
        #expect(spool.exists("outbox/h2/01-dft/CANCELLED"))
        #expect(!spool.exists("outbox/h2/01-dft.2/CANCELLED"))
    }

    @Test("Jobs that would wait for each other are refused when they are dropped")
    func cycles() async throws {
        try spool.drop("tick.yaml", outsideJob("tick", extra: "after: [tack]\n"))
        try await spool.work()
        try spool.drop("tock.xyz", hydrogen)
        try spool.drop("tock.yaml", outsideJob("tock", structure: "tock.xyz", extra: "after: [tick]\n"))
        try await spool.work()
        try spool.drop("tack.xyz", hydrogen)
        try spool.drop("tack.yaml", outsideJob("tack", structure: "tack.xyz", extra: "after: [tock]\n"))
        try await spool.work()
        let why = try #require(spool.text("outbox/rejected/tack/diagnostics.txt"))
        #expect(why.contains("‘tack’ after ‘tock’ after ‘tick’ after ‘tack’"), "\(why)")
        #expect(try spool.state(of: "tock") == .queued)
    }

    @Test("A job that waits for many jobs names three of them, and its log does not grow with their number")
    func fanIn() async throws {
        let members = (1...9).map { "m\($0)" }
        for name in members {
            try spool.drop("\(name).xyz", hydrogen)
            try spool.drop("\(name).yaml", outsideJob(name, structure: "\(name).xyz"))
        }
        try spool.drop(
            "all.yaml", outsideJob("all", extra: "after: [\(members.joined(separator: ", "))]\n"))
        try await spool.work()
        let status = try spool.client.status(of: "all")
        #expect(status.reason.hasSuffix(" and 6 others"), "\(status.reason)")
        #expect(try spool.history(of: "all").filter { $0.contains("waiting for") }.count == 1)
    }

    @Test("A file that others cannot read in the inbox stays private in the outbox")
    func privacy() async throws {
        for (name, text) in [("secret", outsideJob("secret", structure: "h2.xyz")), ("bad", "password: x\n")]
        {
            let part = "\(spool.path)/\(name).part"
            #expect(
                FileManager.default.createFile(
                    atPath: part, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
            #expect(rename(part, "\(spool.path)/inbox/\(name).yaml") == 0)
        }
        try await spool.work()
        func mode(_ path: String) throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(spool.path)/\(path)")
            return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
        }
        #expect(try mode("outbox/secret") == 0o700)
        for file in ["bad.yaml", "diagnostics.txt", "diagnostics.json"] {
            #expect(try mode("outbox/rejected/bad/\(file)") == 0o600, "\(file)")
        }
    }

    @Test(
        "If the daemon runs as root, only the owner of a private job file can read its copies",
        .enabled(if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func owner() async throws {
        try #require(chmod(spool.path, 0o755) == 0)
        for (name, text) in [("secret", outsideJob("secret", structure: "h2.xyz")), ("bad", "password: x\n")]
        {
            let part = "\(spool.path)/\(name).part"
            #expect(
                FileManager.default.createFile(
                    atPath: part, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
            #expect(chown(part, 65534, 65534) == 0)
            #expect(rename(part, "\(spool.path)/inbox/\(name).yaml") == 0)
        }
        try await spool.work()
        func isReadable(_ path: String, by user: Int) throws -> Bool {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
            process.arguments = [
                "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "/bin/cat",
                "\(spool.path)/outbox/\(path)",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
        for path in ["secret/status.yaml", "rejected/bad/bad.yaml", "rejected/bad/diagnostics.txt"] {
            #expect(try isReadable(path, by: 65534), "\(path)")
            #expect(try !isReadable(path, by: 65533), "\(path)")
        }
    }

    @Test("A store older than its outbox is detected, and recover updates it")
    func olderStore() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let database = "\(spool.path)/.aurelax/jobs.sqlite"
        try FileManager.default.copyItem(atPath: database, toPath: "\(spool.path)/backup")
        try spool.drop("two.xyz", hydrogen)
        try spool.drop("two.yaml", outsideJob("two", structure: "two.xyz"))
        _ = try spool.client.request(.pause, of: "h2")
        try await spool.work()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + suffix) }
        try FileManager.default.copyItem(atPath: "\(spool.path)/backup", toPath: database)
        let found = try SpoolDoctor(spool.spool).examine().filter { $0.grade == .error }.map(\.subject)
        #expect(found == ["outbox/h2", "outbox/two"])
        #expect(Set(try StoreRecovery(spool.spool).run().jobs) == ["h2", "two"])
        #expect(try spool.state(of: "h2") == .paused)
        try await spool.work()
        #expect(try spool.state(of: "two") == .waitingForDFT)
        #expect(try SpoolDoctor(spool.spool).examine().allSatisfy { $0.grade != .error })
    }

    @Test("A request that cannot be removed from the inbox takes effect once")
    func stickyRequest() async throws {
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        _ = try spool.client.request(.cancel, of: "h2")
        try spool.drop("h2.retry", "")
        try await SyscallHook.interrupt({ call, path in
            call == .unlink && path.lastComponent == "h2.retry" ? .fail(.notPermitted) : nil
        }) {
            let engine = try spool.engine()
            for _ in 0..<20 { _ = try await engine.turn() }
            await engine.stop()
        }
        #expect(try spool.client.status(of: "h2").attempt == 2)
        #expect(spool.exists("inbox/h2.retry"))
        #expect(try spool.history(of: "h2").filter { $0.contains("it was carried out once") }.count == 1)
    }

    @Test("A package in a linked outbox belongs to its spool, by the link's path and by the real path")
    func linkedOutbox() async throws {
        let shared = try TestSpool()
        try FileManager.default.removeItem(atPath: "\(spool.path)/outbox")
        try FileManager.default.createSymbolicLink(
            atPath: "\(spool.path)/outbox", withDestinationPath: "\(shared.path)/outbox")
        try spool.drop("h2.yaml", outsideJob("h2"))
        try await spool.work()
        let root = URL(fileURLWithPath: spool.path).resolvingSymlinksInPath().path
        for path in [spool.path, shared.path] {
            let found = Spool.containing(package: "\(path)/outbox/h2/01-dft")
            #expect(found.map { URL(fileURLWithPath: $0.root.string).resolvingSymlinksInPath().path } == root)
        }
        #expect(Spool.containing(package: "/tmp/h2/01-dft") == nil)
    }
}

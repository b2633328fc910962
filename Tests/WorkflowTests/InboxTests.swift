import DurableFiles
import Foundation
import Glibc
import JobSpec
import SystemPackage
import TestTags
import Testing
import Workflow
import YAMLDocument

/// Tests with real files in real inboxes, which are accepted, set aside or left in the inbox.
@Suite struct InboxTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    private func rejection(_ folder: String) -> String {
        spool.text("outbox/rejected/\(folder)/diagnostics.txt") ?? "nothing was set aside as \(folder)"
    }

    @Test("A job waits for its structure, and the inbox is then empty") func waitsForStructure() async throws
    {
        try spool.drop("wait.yaml", outsideJob("wait"))
        async let daemon: Void = spool.work()
        try await Task.sleep(for: .milliseconds(600))
        #expect(spool.files("inbox") == ["wait.yaml"])
        #expect(throws: WorkflowError.self) { try spool.state(of: "wait") }
        try spool.drop("h2.xyz", hydrogen)
        try await daemon
        #expect(try spool.state(of: "wait") == .waitingForDFT)
        #expect(spool.files("inbox").isEmpty)
        #expect(spool.files("outbox/rejected").isEmpty)
    }

    /// A request for more than the spool's limits is reported when the job arrives, not when it starts.
    @Test("A job that requests too much is set aside with places") func excessiveRequest() async throws {
        var most = Resources()
        (most.time, most.tasks) = (3600, 8)
        let engine = try spool.engine { $0.resourceLimits = most }
        for (name, time) in [("greedy", "2:00:00"), ("modest", "0:30:00")] {
            try spool.drop(
                "\(name).yaml",
                """
                aurelax: 1
                structure: |
                  2

                  H 0 0 0
                  H 0 0 0.9
                stages:
                  - hybrid: {check: {engine: tblite, resources: {tasks: \(name == "greedy" ? 9 : 8)}}}
                  - dft: {engine: tblite, resources: {time: "\(time)"}}

                """)
        }
        try await spool.turn(engine) {
            !spool.files("outbox/rejected").isEmpty && (try? spool.client.status(of: "modest")) != nil
        }
        let text = rejection("greedy")
        #expect(text.contains("greedy.yaml:8:"), "\(text)")
        #expect(text.contains("greedy.yaml:9:") && text.contains("slurm.limits.time"), "\(text)")
        #expect(throws: WorkflowError.self) { try spool.client.status(of: "greedy") }
    }

    /// Each kind of file that users drop into an inbox.
    @Test("Every drop is accepted, set aside or left alone", .tags(.fault20))
    func fault20EveryDrop() async throws {
        // These are accepted: two jobs with one structure, and a job with an inline structure.
        try spool.drop("first.yaml", outsideJob("first"))
        try spool.drop("second.yml", outsideJob("second", extra: "charge: -1\n"))
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("own.yaml", outsideJob("own", structure: "|\n  2\n\n  H 0 0 0\n  H 0 0 0.9"))
        // These are set aside, with all their mistakes.
        try spool.drop(
            "five.yaml",
            """
            aurelax: 1
            name: five/mistakes
            structure: h2.xyz
            charge: none
            stages:
              - ml: {optimiser: bfgs, fmax: -0.1}
              - dft: {mode: wavelet}

            """)
        try spool.drop("torn.yaml", outsideJob("torn", structure: "torn.xyz"))
        try spool.drop("torn.xyz", "3\n\nH 0 0 0\nH 0 zero 1\n")
        try spool.drop("close.yaml", outsideJob("close", structure: "|\n  2\n\n  H 0 0 0\n  H 0 0 0.01"))
        try spool.drop("up.yaml", outsideJob("up", structure: "../up.xyz"))
        try spool.drop("evil\n<b>\u{202E}.yaml", "aurelax: 2\n")
        // These are set aside, each with its reason.
        let outside = spool.path + "/outside.yaml"
        try Data(outsideJob("outside").utf8).write(to: URL(fileURLWithPath: outside))
        try #require(symlink(outside, spool.path + "/inbox/link.yaml") == 0)
        try #require(link(outside, spool.path + "/inbox/hard.yaml") == 0)
        try #require(mkfifo(spool.path + "/inbox/pipe.yaml", 0o644) == 0)
        try #require(mkdir(spool.path + "/inbox/folder.yaml", 0o755) == 0)
        // These stay in the inbox.
        let ignored = [
            ".hidden.yaml", "sent.yaml.part", "edited.yaml~", "copied.yaml.tmp", ".syncthing.a.yaml.tmp",
        ]
        for name in ignored { try spool.drop(name, outsideJob("ignored")) }
        try spool.drop("lonely.yaml", outsideJob("lonely", structure: "none.xyz"))
        try spool.drop("notes.txt", "remember the milk")

        try await spool.work()

        let statuses = try spool.client.statuses()
        #expect(Set(statuses.map(\.name)) == ["first", "second", "own"])
        for status in statuses {
            #expect(status.state == .waitingForDFT, "\(status.name): \(status.reason)")
            #expect(spool.exists("outbox/\(status.name)/01-dft/MANIFEST.json"))
        }
        #expect(
            Set(spool.files("inbox"))
                == Set(ignored + ["folder.yaml", "lonely.yaml", "notes.txt", "torn.xyz"]))
        // Dangerous characters in a name are escaped before letters are selected.
        let evilFolder = "evilx0AbxE2x80xAE"
        #expect(
            spool.files("outbox/rejected")
                == ["close", evilFolder, "five", "folder", "hard", "link", "pipe", "torn", "up"])

        let report = rejection("five")
        for place in ["2:7", "4:9", "6:10", "6:33", "7:17"] {
            #expect(report.contains("five.yaml:\(place): error:"), "no error at \(place) in\n\(report)")
        }
        let json = try spool.bytes("outbox/rejected/five/diagnostics.json")
        let diagnostics = try JSONDecoder().decode([Diagnostic].self, from: Data(json))
        #expect(diagnostics.count == 5)
        #expect(spool.text("outbox/rejected/five/five.yaml")?.contains("five/mistakes") ?? false)

        #expect(rejection("torn").contains("torn.xyz:4:5"), "\(rejection("torn"))")
        #expect(rejection("close").contains("close.yaml:3:"), "\(rejection("close"))")
        #expect(rejection("up").contains("up.yaml:3:"), "\(rejection("up"))")
        #expect(rejection("link").contains("symbolic link"))
        #expect(rejection("hard").contains("hard link"))
        #expect(rejection("pipe").contains("not an ordinary file"))
        #expect(rejection("folder").contains("a directory"))
        let evil = rejection(evilFolder)
        #expect(evil.contains("evil\\x0A<b>"), "\(evil)")
        #expect(!evil.unicodeScalars.contains("\u{202E}"))
        // If a link is set aside, its target is not removed.
        #expect(FileManager.default.fileExists(atPath: outside))
    }

    @Test("Jobs may share a structure") func sharedStructure() async throws {
        for name in ["a", "b", "c"] { try spool.drop("\(name).yaml", outsideJob(name)) }
        try spool.drop("h2.xyz", hydrogen)
        try await spool.work()
        for name in ["a", "b", "c"] { #expect(try spool.state(of: name) == .waitingForDFT) }
        #expect(spool.files("inbox").isEmpty)
    }

    @Test("The same job is not run twice", .tags(.fault18)) func fault18SameJob() async throws {
        let text = outsideJob("once")
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("once.yaml", text)
        try await spool.work()
        let manifest = spool.text("outbox/once/01-dft/MANIFEST.json")
        #expect(manifest != nil)

        // The same job again, after a restart and under another file name.
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("copy.yaml", text)
        try await spool.work()
        #expect(
            rejection("copy").contains("exists already as ‘once’ (waiting-for-dft)"), "\(rejection("copy"))")
        // This is another job with the same name.
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("once.yaml", text.replacing("0.05", with: "0.02"))
        try await spool.work()
        #expect(rejection("once").contains("the name ‘once’ is taken"), "\(rejection("once"))")

        #expect(try spool.client.statuses().count == 1)
        #expect(spool.text("outbox/once/01-dft/MANIFEST.json") == manifest)
        #expect(try spool.history(of: "once").contains { $0.contains("dropped again") })
    }

    /// The content at the time of the claim is accepted, even if the file is written afterwards.
    @Test("Writing after the claim changes nothing", .tags(.fault17)) func fault17LateWriter() async throws {
        try spool.drop("h2.xyz", hydrogen)
        let handle = try #require(FileHandle(forUpdatingAtPath: spool.path + "/inbox/h2.xyz"))
        try spool.drop("claimed.yaml", outsideJob("claimed"))
        try await spool.work()
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("2\n\nAu 0 0 0\nAu 0 0 2.8\n".utf8))
        try handle.close()
        try await spool.work()
        let initial = try #require(spool.text("outbox/claimed/01-dft/initial.extxyz"))
        #expect(!initial.contains("Au") && initial.contains("H "))
        #expect(try spool.state(of: "claimed") == .waitingForDFT)
    }

    @Test("The inbox waits for a slow writer", .tags(.fault15)) func fault15SlowWriter() async throws {
        try spool.drop("h2.xyz", hydrogen)
        let path = spool.path + "/inbox/slow.yaml"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        async let daemon: Void = spool.work()
        let text = Array(outsideJob("slow").utf8)
        for start in stride(from: 0, to: text.count, by: 8) {
            try handle.write(contentsOf: Data(text[start..<min(start + 8, text.count)]))
            try await Task.sleep(for: .milliseconds(60))
        }
        try handle.close()
        try await daemon
        #expect(try spool.state(of: "slow") == .waitingForDFT)
        #expect(spool.files("outbox/rejected").isEmpty)
    }
}

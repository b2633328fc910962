import DurableFiles
import Foundation
import JobSpec
import SystemPackage
import Testing
import Workflow

@Suite struct SpoolClientTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    @Test("A job submitted without a daemon is accepted by the next one") func submittedBeforeStart()
        async throws
    {
        let h2 = try job(outsideJob("h2"))
        #expect(try spool.client.submit(h2, structure: Array(hydrogen.utf8)) == "h2.yaml")
        #expect(spool.files("inbox") == ["h2.xyz", "h2.yaml"])
        #expect(spool.client.isInInbox("h2") && !spool.client.isInInbox("h3"))
        let error = #expect(throws: FileError.self) {
            try spool.client.submit(h2, structure: Array(hydrogen.utf8))
        }
        #expect(error?.code == .fileExists)
        // A job that is not accepted yet is not reported as missing, and an empty spool is not reported as a missing
        // spool.
        #expect(spool.client.filesInInbox() == ["h2.yaml"])
        #expect(try spool.client.statuses().isEmpty)
        for question in [
            { _ = try spool.client.status(of: "h2") }, { _ = try spool.client.history(of: "h2") },
        ] {
            let waiting = #expect(throws: WorkflowError.self) { try question() }
            #expect(waiting?.description.hasPrefix("h2 waits in the inbox") == true)
            #expect(waiting?.exitStatus == .notFound)
        }
        try await spool.work()
        #expect(spool.client.filesInInbox().isEmpty)
        let status = try #require(try spool.client.statuses().first)
        #expect((status.name, status.state, status.kind) == ("h2", .waitingForDFT, .dft))
        #expect((status.stage, status.stages, status.attempt) == (1, 1, 1))
        #expect(status.folder == "h2/01-dft")
        #expect(try JobFile(spool.bytes("outbox/h2/job.yaml"), file: "job.yaml").job?.stages == h2.stages)
    }

    @Test("Status, summary and report agree") func whatPeopleSeeSaysTheSame() async throws {
        try spool.client.submit(job(outsideJob("h2")), structure: Array(hydrogen.utf8))
        try await spool.work()
        let status = try spool.client.status(of: "h2")
        let text = try #require(spool.text("outbox/h2/status.yaml"))
        for line in [
            "aurelax_status: 1", "name: \"h2\"", "state: waiting-for-dft", "stage: 1", "stages: 1",
            "kind: dft",
            "attempt: 1", "folder: \"h2/01-dft\"",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "no ‘\(line)’ in\n\(text)")
        }
        #expect(text.contains(status.reason))
        // The job's log has the complete history, however often the daemon was restarted.
        let log = try #require(spool.text("outbox/h2/job.log"))
        #expect(log.split(separator: "\n").count == (try spool.history(of: "h2").count))
        try FileManager.default.removeItem(atPath: spool.path + "/outbox/h2/job.log")
        _ = try spool.client.request(.pause, of: "h2")
        try await spool.work()
        let again = try #require(spool.text("outbox/h2/job.log"))
        #expect(again.hasPrefix(log) && again.count > log.count)
    }

    @Test("An empty spool has no jobs") func nothingToAsk() async throws {
        let error = #expect(throws: WorkflowError.self) { try spool.client.statuses() }
        #expect(error?.exitStatus == .notFound)
        try await spool.work()
        #expect(try spool.client.statuses().isEmpty)
        for question in [
            { _ = try spool.client.status(of: "x") }, { _ = try spool.client.history(of: "x") },
            { _ = try spool.client.summary(of: "x") }, { _ = try spool.client.request(.cancel, of: "x") },
        ] {
            let error = #expect(throws: WorkflowError.self) { try question() }
            #expect(error?.description == "there is no job x")
            #expect(error?.exitStatus == .notFound)
        }
        #expect(spool.client.rejection(of: "x") == nil)
    }
}

import Foundation
import TestTags
import Testing
import Workflow

/// Files with misleading names.
@Suite struct OddNameTests {
    private let spool: TestSpool

    init() throws { spool = try TestSpool() }

    private let ownStructure = "|\n  2\n\n  H 0 0 0\n  H 0 0 0.9"

    @Test("Conflict copies of file synchronisers are set aside", .tags(.fault37))
    func fault37ConflictCopies() async throws {
        let copies = [
            "ring.sync-conflict-20261126-101112-ABCD123.yaml", "ring (conflicted copy 2026-11-26).yaml",
            "ring (SFConflict me@here 2026-11-26).yml", "ring_conflict-20261126-101112.yaml",
            "ring.sync-conflict-20261126-101112-ABCD123.cancel",
            "ring.result.sync-conflict-20261126-101112-ABCD123.extxyz",
        ]
        try spool.drop("ring.yaml", outsideJob("ring", structure: ownStructure))
        for name in copies { try spool.drop(name, outsideJob("ring2", structure: ownStructure)) }
        try await spool.work()
        #expect(try spool.client.statuses().map(\.name) == ["ring"])
        #expect(try spool.state(of: "ring") == .waitingForDFT)
        #expect(spool.files("inbox").isEmpty && spool.files("outbox/rejected").count == copies.count)
        let folder = try #require(spool.files("outbox/rejected").first)
        #expect(spool.text("outbox/rejected/\(folder)/diagnostics.txt")?.contains("synchroniser") == true)
    }

    @Test("A structure named like a result is a structure", .tags(.fault37))
    func fault37StructureNamedResult() async throws {
        try spool.drop("h2.result.extxyz", hydrogen)
        try spool.drop("h2.yaml", outsideJob("h2", structure: "h2.result.extxyz"))
        try await spool.work()
        #expect(try spool.state(of: "h2") == .waitingForDFT)
        #expect(spool.files("outbox/rejected").isEmpty && spool.files("inbox").isEmpty)
    }

    @Test("The status names the missing file and a file of similar name", .tags(.fault37))
    func fault37MissingStructure() async throws {
        let engine = try spool.engine()
        try spool.drop("Water.xyz", hydrogen)
        try spool.drop("wcase.yaml", outsideJob("wcase", structure: "water.xyz"))
        try spool.drop("x.yaml.txt", "")
        try spool.drop("x.result.xyz", "")
        try spool.drop("x.cancelled", "")
        _ = try await engine.turn()
        let text = try #require(spool.text(".aurelax/inbox.json"))
        for part in [
            "waiting for water.xyz; Water.xyz differs in case", "rename it to x.yaml",
            "x.result.extxyz", "<job>.cancel",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(try spool.client.statuses().isEmpty)
    }
}

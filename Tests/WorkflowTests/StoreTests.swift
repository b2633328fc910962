import DurableFiles
import Foundation
import GRDB
import JobSpec
import Logging
import Synchronization
import SystemPackage
import TestTags
import Testing
import Workflow

@Suite struct StoreTests {
    private let folder: TestSpool
    private var path: FilePath { FilePath(folder.path).appending("jobs.sqlite") }

    init() throws { folder = try TestSpool() }

    private func acceptance(
        _ name: String, structure: String = "h2", priority: Int = 0, stages: String = "ml: {}"
    ) throws -> Acceptance {
        let text =
            "aurelax: 1\nname: \(name)\npriority: \(priority)\nstructure: a.xyz\nstages:\n  - \(stages)\n"
        return Acceptance(
            job: try job(text), file: Digest(of: Array(text.utf8)),
            structure: Digest(of: Array(structure.utf8)),
            originals: [])
    }

    private func accept(_ store: Store, _ acceptance: Acceptance) throws -> JobRecord {
        guard case .accepted(let record) = try store.accept(acceptance) else {
            throw NotAccepted(name: acceptance.job.name)
        }
        return record
    }

    private struct NotAccepted: Error { let name: String }

    private static let report = StageReport(
        kind: .ml, verdict: StageVerdict(converged: true, steps: 12, fmax: 0.08, text: "converged"),
        initialFmax: 2.5, requestedFmax: 0.1, energy: -3.5, method: "tiny", version: "abc",
        levelOfTheory: "none", warnings: ["a", "b"], seconds: 1.5)

    @Test("Committed data exist after reopening") func whatWasSaidIsThereAfterReopening() throws {
        let given = try acceptance("a", stages: "ml: {fmax: 0.2}\n  - dft: {engine: tblite}")
        let final = Digest(of: [1, 2, 3])
        let id: Int64
        do {
            let store = try Store(path)
            id = try accept(store, given).id
            _ = try store.apply(.start, to: id)
            try store.progress(of: id, step: 3, fmax: 0.5)
            try store.note("a remark", of: id)
            let record = try #require(
                try store.apply(.stageEnded(Self.report.verdict), to: id, ended: (Self.report, final)))
            #expect(record.machine.stage == 1)
            #expect(
                record.step == nil && record.fmax == nil, "a new stage shows the progress of the last one")
            try store.close()
        }
        let store = try Store(path)
        let record = try #require(try store.job(named: "a"))
        #expect(record.id == id && record.job == given.job)
        #expect(record.file == given.file && record.structure == given.structure)
        #expect((record.machine.state, record.machine.stage, record.machine.attempt) == (.queued, 1, 1))
        let stage = try #require(try store.stages(of: id).first)
        #expect((stage.stage, stage.attempt, stage.final) == (0, 1, final))
        #expect(stage.report == Self.report)
        let history = try store.history(of: id).map(\.text)
        #expect(history.count == 4)
        #expect(history.first?.hasPrefix("accepted, job file ") ?? false)
        #expect(history[1].hasPrefix("queued → running, stage 1 (ml), attempt 1"))
        #expect(history[2] == "a remark")
        #expect(history[3].hasPrefix("running → queued, stage 2 (dft), attempt 1"))
    }

    /// After a kill, the daemon's committed data are in the log beside the database.
    @Test("Committed data survives a kill", .tags(.fault01)) func fault01CommittedData() throws {
        let store = try Store(path)
        for number in 0..<20 { _ = try accept(store, acceptance("job\(number)")) }
        let copy = FilePath(folder.path).appending("left.sqlite")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: path.string + suffix, toPath: copy.string + suffix)
        }
        #expect(try folder.bytes("left.sqlite-wal").count > folder.bytes("left.sqlite").count)
        #expect(try Store(copy, verifying: true).jobs().count == 20)
    }

    @Test("The same job and the same name are detected") func theSameJobTwiceAndTheSameName() throws {
        let store = try Store(path)
        let first = try accept(store, acceptance("a"))
        guard case .duplicate(let known) = try store.accept(acceptance("a")) else {
            Issue.record("the same job and structure were accepted twice")
            return
        }
        #expect(known.id == first.id)
        guard case .nameTaken(let holder) = try store.accept(acceptance("a", structure: "other")) else {
            Issue.record("two jobs have one name")
            return
        }
        #expect(holder.id == first.id)
        #expect(try store.jobs().count == 1)
    }

    @Test("Jobs take turns by priority, then by arrival") func turnsByPriorityThenArrival() throws {
        let store = try Store(path)
        for (name, priority) in [("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)] {
            _ = try accept(store, acceptance(name, priority: priority))
        }
        #expect(try store.jobs().map(\.job.name) == ["b", "d", "a", "e", "c"])
        let b = try #require(try store.job(named: "b"))
        let d = try #require(try store.job(named: "d"))
        _ = try store.apply(.cancel, to: b.id)
        _ = try store.apply(.pause, to: d.id)
        #expect(try store.activeJobs().map(\.job.name) == ["a", "e", "c"])
    }

    @Test("An event of another stage or attempt is ignored") func anEventOfAnotherStageOrAttemptMeansNothing()
        throws
    {
        let store = try Store(path)
        let id = try accept(store, acceptance("a")).id
        _ = try store.apply(.start, to: id)
        #expect(try store.apply(.stageEnded(Self.report.verdict), to: id, expected: (0, 2)) == nil)
        #expect(try store.apply(.stageEnded(Self.report.verdict), to: id, expected: (1, 1)) == nil)
        #expect(try store.apply(.packagePublished, to: id) == nil)
        #expect(try store.job(id).machine.state == .running)
        #expect(try store.stages(of: id).isEmpty)
        #expect(try store.history(of: id).count == 2, "a refused event left a line in the history")
    }

    /// If several processes report the same event, it takes effect once.
    @Test("One of several processes makes a transition") func oneOfManyMakesTheTransition() async throws {
        let id = try accept(Store(path), acceptance("a")).id
        let path = path
        for event in [JobEvent.start, .interrupted("again"), .pause, .resume, .cancel, .retry] {
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { try Store(path).apply(event, to: id) != nil } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1, "\(event) happened \(made) times")
        }
        let record = try Store(path).job(id)
        #expect((record.machine.state, record.machine.attempt) == (.queued, 2))
        #expect(try Store(path).history(of: id).count == 7)
    }

    @Test("Damaged stores are refused and kept", .tags(.fault07)) func fault07RefusedStores() throws {
        do {
            let store = try Store(path)
            for number in 0..<40 { _ = try accept(store, acceptance("job\(number)")) }
            try store.close()
        }
        let whole = try folder.bytes("jobs.sqlite")
        let pageSize = Int(whole[16]) << 8 | Int(whole[17])
        #expect(pageSize >= 512 && whole.count >= 3 * pageSize)
        var noDatabase = whole
        noDatabase.replaceSubrange(0..<16, with: Array("this is no table".utf8))
        var damaged = whole
        for i in pageSize..<3 * pageSize { damaged[i] = 0xA5 }
        let cut = Array(whole.prefix(2 * pageSize))
        for (name, bytes) in [
            ("another format", noDatabase), ("overwritten pages", damaged), ("cut off", cut),
        ] {
            let file = FilePath(folder.path).appending("damaged.sqlite")
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: file.string + suffix)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: file.string))
            let error = #expect(throws: WorkflowError.self, "\(name)") {
                _ = try Store(file, verifying: true).jobs()
            }
            guard case .damagedStore(let place, _)? = error else {
                Issue.record("\(name): \(error.map(\.description) ?? "no error")")
                continue
            }
            #expect(place == file && error?.exitStatus == .store)
            #expect(try folder.bytes("damaged.sqlite") == bytes, "\(name): the file was changed")
        }
    }

    /// Golden/store-version-4.sqlite was written by the last version without a list of migrations. Its job is a ring
    /// that had ended its ML stage and waited for the result of its package. (The file was shrunk with VACUUM.)
    @Test("A store of version 4 without GRDB's list of migrations is opened as it is")
    func storeOfVersion4() throws {
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/store-version-4.sqlite")
        try FileManager.default.copyItem(atPath: golden.path, toPath: path.string)
        let store = try Store(path, verifying: true)
        let record = try #require(try store.job(named: "ring"))
        #expect((record.machine.state, record.machine.stage) == (.waitingForDFT, 1))
        #expect(record.job.plan.count == 2)
        #expect(try store.history(of: record.id).count == 5)
        #expect(try store.stages(of: record.id).map(\.report.verdict.steps) == [2])
        _ = try store.apply(.cancel, to: record.id)
        _ = try accept(store, acceptance("after"))
        try store.close()
        #expect(!FileManager.default.fileExists(atPath: path.string + ".version-4"))
        #expect(try Store(path).jobs().map(\.job.name) == ["ring", "after"])
    }

    @Test("Migrations from the beginning give the tables of version 4")
    func migrationsGiveTheSameTables() throws {
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/store-version-4.sqlite")
        try Store(path).close()
        func tables(_ path: String) throws -> [String: Set<String>] {
            var configuration = Configuration()
            configuration.readonly = true
            return try DatabaseQueue(path: path, configuration: configuration).read { database in
                let names = try String.fetchAll(
                    database,
                    sql:
                        "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'"
                )
                return try Dictionary(
                    uniqueKeysWithValues: names.map { name in
                        let columns = try Row.fetchAll(
                            database, sql: "SELECT * FROM pragma_table_info(?)", arguments: [name])
                        // The columns are compared as sets, because migrations add columns at the end.
                        return (name, Set(columns.map { "\($0["name"] as String) \($0["type"] as String)" }))
                    })
            }
        }
        #expect(try tables(path.string) == tables(golden.path))
    }

    @Test("Log lines about a job have its name, stage and attempt as metadata")
    func logMetadata() async throws {
        let lines = LogLines()
        let text = "aurelax: 1\nname: h2\nstructure: h2.xyz\nstages:\n  - dft: {engine: tblite}\n"
        try folder.drop("h2.xyz", "2\n\nH 0 0 0\nH 0 0 0.8\n")
        try folder.drop("h2.yaml", text)
        let logger = Logger(label: "test") { _ in lines }
        let engine = try Engine(
            folder.spool.open(), Store(folder.spool.database), folder.configuration(), logger)
        try await folder.turn(engine, seconds: 60) { folder.exists("outbox/h2/01-dft/MANIFEST.json") }
        await engine.stop()
        let about = lines.all.filter { $0.message.hasPrefix("h2: ") }
        #expect(about.count >= 2)
        for line in about {
            #expect(line.metadata == ["job": "h2", "stage": "1", "attempt": "1"], "\(line.message)")
        }
    }

    @Test("Stores of a later version are refused") func storesOfALaterVersionAreRefused() throws {
        try Store(path).close()
        // Bytes 60 to 63 of a database are its user version.
        var bytes = try folder.bytes("jobs.sqlite")
        bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
        try Data(bytes).write(to: URL(fileURLWithPath: path.string))
        let error = #expect(throws: WorkflowError.self) { _ = try Store(path) }
        guard case .foreignStore(_, let found, let known)? = error else {
            Issue.record("\(error.map(\.description) ?? "no error")")
            return
        }
        #expect(found == 99 && known < 99)
        #expect(error?.exitStatus == .store)
    }
}

/// A log handler that keeps the logged lines.
private struct LogLines: LogHandler {
    struct Line {
        let message: String
        let metadata: [String: String]
    }

    private final class Storage: Sendable {
        let lines = Mutex<[Line]>([])
    }

    private let storage = Storage()
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    var all: [Line] { storage.lines.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let values = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        storage.lines.withLock { $0.append(Line(message: "\(event.message)", metadata: values)) }
    }
}

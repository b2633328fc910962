import DurableFiles
import Foundation
import GRDB
import JobSpec
import Synchronization
import SystemPackage
import TestTags
import Testing
import Workflow

/// Faults 1 to 7: the process ends or the disk fails in the middle of the work.
@Suite(.serialized) struct CrashTests {
    /// Lets the engine work while every call of the file system from the given number on fails, as if the process had
    /// ended there.
    ///
    /// - Returns: true if the work ended before that call.
    private func work(_ spool: TestSpool, stoppingAt call: Int, code: Errno = .ioError) async -> Bool {
        let counter = Atomic<Int>(0)
        return await SyscallHook.interrupt({ _, _ in
            counter.add(1, ordering: .relaxed).oldValue >= call ? .fail(code) : nil
        }) {
            guard let engine = try? spool.engine() else { return false }
            for _ in 0..<400 {
                if counter.load(ordering: .relaxed) > call { break }
                guard let isIdle = try? await engine.turn() else { break }
                if isIdle { break }
                try? await Task.sleep(for: .milliseconds(2))
            }
            await engine.stop()
            return counter.load(ordering: .relaxed) <= call
        }
    }

    private func spoolWithJob() throws -> TestSpool {
        let spool = try TestSpool()
        try spool.drop("h2.xyz", hydrogen)
        try spool.drop("h2.yaml", outsideJob("h2"))
        return spool
    }

    /// `make torture` interrupts the daemon at every call.
    @Test("A daemon interrupted at any call loses nothing", .tags(.fault01))
    func fault01StoppedAtEveryCall() async throws {
        let stride = Strength.scaled(31, full: 1)
        var call = Int.random(in: 0..<stride)
        var isThrough = false
        while !isThrough {
            let spool = try spoolWithJob()
            isThrough = await work(spool, stoppingAt: call)
            try await spool.turn(spool.engine())
            try spool.expectOneOf("h2", "stopped at call \(call)")
            call += stride
        }
        #expect(call > 60, "only \(call) calls were made")
    }

    /// The recovery itself is interrupted at every call. Then it is repeated to its end, and a further recovery changes
    /// nothing.
    @Test("A recovery interrupted at any call can be repeated", .tags(.fault03))
    func fault03StoppedInRecovery() async throws {
        for first in Strength.isFull ? [25, 60, 90] : [Int.random(in: 20..<100)] {
            let stride = Strength.scaled(83, full: 1)
            var call = Int.random(in: 0..<stride)
            var isThrough = false
            while !isThrough {
                let spool = try spoolWithJob()
                _ = await work(spool, stoppingAt: first)
                isThrough = await work(spool, stoppingAt: call)
                try await spool.turn(spool.engine())
                try spool.expectOneOf("h2", "stopped at \(first), then at \(call)")
                let before = try snapshot(spool)
                try await spool.turn(spool.engine())
                #expect(try snapshot(spool) == before, "a second recovery changed something")
                call += stride
            }
        }
    }

    private func snapshot(_ spool: TestSpool) throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        let outbox = spool.path + "/outbox"
        for name in FileManager.default.enumerator(atPath: outbox)?.compactMap({ $0 as? String }) ?? [] {
            result[name] = (try? spool.bytes("outbox/\(name)")) ?? []
        }
        result["jobs"] = Array("\(try spool.client.statuses())\(try spool.history(of: "h2"))".utf8)
        return result
    }

    /// Space, descriptors or permissions are missing for a while. Nothing is lost, no partial file is visible, and the
    /// daemon reports the problem and resumes automatically.
    @Test(
        "Work resumes when space or descriptors are available again", .tags(.fault04),
        arguments: [Errno.noSpace, .diskQuotaExceeded, .tooManyOpenFiles, .readOnlyFileSystem])
    func fault04Exhausted(code: Errno) async throws {
        let spool = try spoolWithJob()
        let isOut = Atomic<Bool>(true)
        try await SyscallHook.interrupt({ call, _ in
            let needs: Set<Syscall> = code == .tooManyOpenFiles ? [.open] : [.write, .mkdir, .rename]
            return isOut.load(ordering: .relaxed) && needs.contains(call) ? .fail(code) : nil
        }) {
            isOut.store(false, ordering: .relaxed)
            let engine = try spool.engine()
            isOut.store(true, ordering: .relaxed)
            for _ in 0..<20 {
                _ = try await engine.turn()
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(spool.files("inbox") == ["h2.xyz", "h2.yaml"])
            #expect(!spool.exists("outbox/h2"))
            #expect(try await engine.summary().contains("degraded"))
            isOut.store(false, ordering: .relaxed)
            try await spool.turn(engine) { spool.exists("outbox/h2/01-dft") }
            try await spool.turn(engine)
            #expect(try await !engine.summary().contains("degraded"))
        }
        try spool.expectOneOf("h2", "\(code)")
    }

    /// If the disk does not keep the data that were written, the daemon ends and does not retry.
    @Test("A failing fsync or close ends the daemon", .tags(.fault05), arguments: [Syscall.fsync, .close])
    func fault05FailingDisk(call: Syscall) async throws {
        let spool = try spoolWithJob()
        let engine = try spool.engine()
        let asked = Atomic<Int>(0)
        let error = await #expect(throws: FileError.self) {
            try await SyscallHook.interrupt({ made, path in
                guard made == call, path.string.contains("blobs") else { return nil }
                asked.add(1, ordering: .relaxed)
                return .fail(.ioError)
            }) {
                for _ in 0..<50 { _ = try await engine.turn() }
            }
        }
        #expect(error?.isFatal ?? false)
        #expect(asked.load(ordering: .relaxed) == 1, "\(call) was tried again")
        #expect(error.map { WorkflowError.file($0).exitStatus } == .disk)
        try await spool.turn(spool.engine())
        try spool.expectOneOf("h2", "\(call)")
    }

    /// The log beside the database is truncated at any byte. Exactly the transactions that are complete in it are kept,
    /// in order.
    @Test("A torn write-ahead log loses only its tail", .tags(.fault07)) func fault07TornLog() throws {
        let folder = try TestSpool()
        let path = FilePath(folder.path).appending("jobs.sqlite")
        let store = try Store(path)
        for number in 0..<6 {
            _ = try store.accept(
                Acceptance(
                    job: job("aurelax: 1\nname: j\(number)\nstructure: a.xyz\nstages: [{ml: {}}]\n"),
                    file: Digest(of: [UInt8(number)]), structure: Digest(of: []), originals: []))
        }
        let (main, log) = (try folder.bytes("jobs.sqlite"), try folder.bytes("jobs.sqlite-wal"))
        let copy = FilePath(folder.path).appending("torn.sqlite")
        var counts: Set<Int> = []
        for length in stride(
            from: 0, through: log.count, by: Strength.isFull ? 7 : max(1, log.count / 60))
        {
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: copy.string + suffix)
            }
            try Data(main).write(to: URL(fileURLWithPath: copy.string))
            try Data(log.prefix(length)).write(to: URL(fileURLWithPath: copy.string + "-wal"))
            let names = try Store(copy, verifying: true).jobs().map(\.job.name)
            #expect(names == (0..<names.count).map { "j\($0)" }, "cut at \(length)")
            counts.insert(names.count)
        }
        #expect(counts.contains(0) && counts.count >= 3)
        try store.close()
    }

    /// The process was killed while it created the store; the journal has to be replayed before the store can be read.
    @Test("A left-over journal is replayed", .tags(.fault07)) func fault07LeftJournal() async throws {
        let spool = try spoolWithJob()
        let path = spool.spool.database.string
        try FileManager.default.createDirectory(
            atPath: spool.path + "/.aurelax", withIntermediateDirectories: true)
        var configuration = Configuration()
        configuration.prepareDatabase {
            try $0.execute(sql: "PRAGMA journal_mode = PERSIST; PRAGMA cache_size = 2")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try await queue.write { try $0.execute(sql: "CREATE TABLE other (text TEXT); DROP TABLE other") }
        // The files are copied in the middle of a transaction, as a kill would leave them.
        try await queue.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE; CREATE TABLE big (text TEXT)")
            for _ in 0..<200 {
                try database.execute(
                    sql: "INSERT INTO big VALUES (?)", arguments: [String(repeating: "x", count: 2000)])
            }
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: spool.path + "/left" + suffix)
            }
            try database.execute(sql: "ROLLBACK")
        }
        try queue.close()
        for suffix in ["", "-journal"] {
            try? FileManager.default.removeItem(atPath: path + suffix)
            try FileManager.default.moveItem(atPath: spool.path + "/left" + suffix, toPath: path + suffix)
        }
        try await spool.turn(spool.engine())
        try spool.expectOneOf("h2", "a journal was left")
    }

    /// The store is one of an earlier version. It is copied first and then migrated, with all its data.
    @Test("A store of an older version is migrated", .tags(.fault07), arguments: [1, 2, 3])
    func fault07OlderStore(
        version: Int
    ) async throws {
        let spool = try spoolWithJob()
        try await spool.turn(spool.engine())
        let history = try spool.history(of: "h2")
        let differences = [
            (
                3,
                """
                DROP TABLE stages;
                CREATE TABLE stages (
                    job INTEGER NOT NULL REFERENCES jobs(id), stage INTEGER NOT NULL, attempt INTEGER NOT NULL,
                    kind TEXT NOT NULL CHECK (kind IN ('ml','dft')), report TEXT NOT NULL, final TEXT NOT NULL,
                    ended REAL NOT NULL, PRIMARY KEY (job, stage)) STRICT;
                INSERT INTO stages SELECT id, 0, 1, 'dft', '{}', file, 0 FROM jobs;
                """
            ),
            (2, "DROP TABLE slurmRuns; DROP INDEX jobsByState; DROP INDEX jobsToShow;"),
            (
                1,
                """
                ALTER TABLE jobs DROP COLUMN revision; ALTER TABLE jobs DROP COLUMN shown;
                ALTER TABLE jobs DROP COLUMN launches; ALTER TABLE jobs DROP COLUMN launchStep;
                ALTER TABLE jobs ADD COLUMN published REAL NOT NULL DEFAULT 0;
                DROP TABLE returned;
                """
            ),
        ].filter { $0.0 >= version }.map(\.1)
        try await DatabaseQueue(path: spool.spool.database.string).write { database in
            for sql in differences { try database.execute(sql: sql) }
            // The versions 1 to 3 of the store had no list of migrations.
            try database.execute(sql: "DROP TABLE grdb_migrations")
            try database.execute(sql: "PRAGMA user_version = \(version)")
        }
        #expect(try spool.history(of: "h2") == history)
        #expect(spool.exists(".aurelax/jobs.sqlite.version-\(version)"))
        #expect(try Store(spool.spool.database).openSlurmRuns().isEmpty)
        try await DatabaseQueue(path: spool.spool.database.string).write { database in
            #expect(try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM stages WHERE kind = 'dft'") == 1)
            try database.execute(sql: "UPDATE stages SET kind = 'single-points'")
            try database.execute(sql: "DELETE FROM stages")
        }
        try await spool.turn(spool.engine())
        try spool.expectOneOf("h2", "after the migration")
    }
}

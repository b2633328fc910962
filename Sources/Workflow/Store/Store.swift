public import DurableFiles
import Foundation
import GRDB
internal import JobSpec
public import SystemPackage

/// The durable state of every job: SQLite, write-ahead log, `synchronous=FULL`, one writer.
///
/// Committed data is durable. Changes outside a transaction (files) are recorded before they begin
/// and again after they are done, so that recovery finds what is missing.
public final class Store: Sendable {
    let pool: DatabasePool
    let path: FilePath

    /// Opens the store, or creates it; an older version is copied and migrated.
    ///
    /// - Parameter verifying: reads the whole store to check it; used once by the daemon.
    /// - Throws: ``WorkflowError`` for a damaged store or an unknown version; the file is not
    ///   changed.
    public init(_ path: FilePath, verifying: Bool = false) throws {
        self.path = path
        do {
            if verifying { try Self.verify(path) }
            pool = try DatabasePool(path: path.string, configuration: Self.configuration())
            try prepare()
        } catch let error as DatabaseError where Self.means(damage: error) {
            throw WorkflowError.damagedStore(path, error.message ?? error.description)
        }
    }

    private func prepare() throws {
        let (found, isEmpty) = try pool.read { database in
            (try Schema.found(in: database), try !database.tableExists("jobs"))
        }
        if found == Schema.version { return }
        guard found < Schema.version, found > 0 || isEmpty else {
            throw WorkflowError.foreignStore(path, found: found, known: Schema.version)
        }
        if found > 0 {
            let copy = "\(path.string).version-\(found)"
            try? FileManager.default.removeItem(atPath: copy)
            try pool.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [copy]) }
        }
        try migrate()
    }

    /// Runs the missing migrations, each in its own transaction: a program that is killed between two
    /// migrations leaves a store of the version between them.
    private func migrate() throws {
        let migrator = Schema.migrator
        for attempt in 1... {
            do {
                return try migrator.migrate(pool)
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_CONSTRAINT && attempt <= Schema.version
            {
                // Another process has done the same migration meanwhile, and noted it.
                continue
            }
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "aurelax.store"
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        return configuration
    }

    private static func means(damage error: DatabaseError) -> Bool {
        error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// Moves all data from the write-ahead log into the main file and closes the store, when the daemon stops.
    public func close() throws {
        try pool.writeWithoutTransaction { database in
            _ = try database.checkpoint(.truncate)
        }
        try pool.close()
    }

    // MARK: Jobs

    /// Accepts a job durably: after `.accepted`, the job cannot be lost.
    public func accept(_ acceptance: Acceptance) throws -> AcceptanceResult {
        try pool.write { database in
            if let row = try Row.fetchOne(
                database, sql: "SELECT * FROM jobs WHERE key = ?", arguments: [acceptance.key])
            {
                return .duplicate(of: try JobRecord(row))
            }
            if let row = try Row.fetchOne(
                database, sql: "SELECT * FROM jobs WHERE name = ?", arguments: [acceptance.job.name])
            {
                return .nameTaken(by: try JobRecord(row))
            }
            let job = acceptance.job
            let machine = JobMachine(stages: job.plan.map(\.kind))
            let now = Date().timeIntervalSince1970
            let encoder = JSONEncoder.line
            try database.execute(
                sql: """
                    INSERT INTO jobs (name, key, spec, file, structure, priority, state, reason, stage,
                        attempt, accepted, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    job.name, acceptance.key, String(decoding: try encoder.encode(job), as: UTF8.self),
                    acceptance.file.hexadecimal, acceptance.structure.hexadecimal, job.priority,
                    machine.state.rawValue, machine.reason, machine.stage, machine.attempt, now, now,
                ])
            let id = database.lastInsertedRowID
            for original in acceptance.originals { try Self.note(original, in: database) }
            try Self.log(
                id, "accepted, job file \(acceptance.file), structure \(acceptance.structure)", database)
            return .accepted(try Self.record(id, in: database))
        }
    }

    public func job(_ id: Int64) throws -> JobRecord { try pool.read { try Self.record(id, in: $0) } }

    public func job(named name: String) throws -> JobRecord? {
        try pool.read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM jobs WHERE name = ?", arguments: [name])
                .map(JobRecord.init)
        }
    }

    /// Returns every job in the order of turns: higher priority first, then by acceptance.
    public func jobs() throws -> [JobRecord] { try pool.read(Self.allJobs) }

    static func allJobs(_ database: Database) throws -> [JobRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM jobs ORDER BY priority DESC, id").map(JobRecord.init)
    }

    /// Returns the jobs that need the daemon's attention, in the order of their turns.
    public func activeJobs() throws -> [JobRecord] {
        try pool.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM jobs WHERE state IN ('queued', 'running', 'waiting-for-dft')
                    ORDER BY priority DESC, id
                    """
            ).map(JobRecord.init)
        }
    }

    /// Returns the active jobs, reading only those that have changed.
    ///
    /// - Parameter known: earlier records by their number.
    func activeJobs(knowing known: [Int64: JobRecord]) throws -> [JobRecord] {
        try pool.read { database in
            let rows = try Row.fetchAll(
                database.cachedStatement(
                    sql: """
                        SELECT id, revision FROM jobs WHERE state IN ('queued', 'running', 'waiting-for-dft')
                        ORDER BY priority DESC, id
                        """))
            return try rows.map { row in
                let id: Int64 = row["id"]
                let revision: Int = row["revision"]
                if let record = known[id], record.revision == revision { return record }
                return try Self.record(id, in: database)
            }
        }
    }

    /// Returns the number of the last entry of all histories; 0 if there is none.
    func lastEvent() throws -> Int {
        try pool.read { try Int.fetchOne($0, sql: "SELECT MAX(number) FROM events") ?? 0 }
    }

    /// Returns the number of jobs in each state.
    public func counts() throws -> [JobState: Int] {
        try pool.read { database in
            try Row.fetchAll(database, sql: "SELECT state, COUNT(*) AS count FROM jobs GROUP BY state")
                .reduce(into: [:]) { counts, row in
                    let word: String = row["state"]
                    if let state = JobState(rawValue: word) { counts[state] = row["count"] }
                }
        }
    }

    /// Returns the jobs whose latest state the outbox does not show.
    func unpublishedJobs() throws -> [JobRecord] {
        try pool.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM jobs WHERE shown < revision ORDER BY id")
                .map(JobRecord.init)
        }
    }

    func hasUnpublishedJobs() throws -> Bool {
        try pool.read { database in
            try Row.fetchOne(database, sql: "SELECT 1 FROM jobs WHERE shown < revision LIMIT 1") != nil
        }
    }

    /// Records that the outbox shows this state of the job.
    func markPublished(_ record: JobRecord) throws {
        try pool.write { database in
            try database.execute(
                sql: "UPDATE jobs SET shown = ? WHERE id = ?", arguments: [record.revision, record.id])
        }
    }

    // MARK: Transitions

    /// Applies an event to a job, by compare-and-set on the state that was read.
    ///
    /// - Parameters:
    ///   - expected: if given, the event is ignored unless the job is at this stage and attempt.
    ///   - ended: the stage that ended with this event, recorded with it.
    ///   - returned: the dropped file that caused the event, which then leaves the inbox.
    /// - Returns: the job after the event; nil if the event is not valid in its current state.
    public func apply(
        _ event: JobEvent, to id: Int64, expected: (stage: Int, attempt: Int)? = nil,
        ended: (report: StageReport, final: Digest)? = nil,
        returned: (digest: Digest, original: Original)? = nil
    ) throws -> JobRecord? {
        try pool.write { database in
            let before = try Self.record(id, in: database)
            if let expected,
                before.machine.stage != expected.stage || before.machine.attempt != expected.attempt
            {
                return nil
            }
            var machine = before.machine
            guard machine.handle(event) else { return nil }
            if let ended {
                try Self.insert(
                    ended, stage: before.machine.stage, attempt: before.machine.attempt, id, database)
            }
            if let returned {
                try Self.note(returned.original, in: database)
                try database.execute(
                    sql: "INSERT OR IGNORE INTO returned (job, digest) VALUES (?, ?)",
                    arguments: [id, returned.digest.hexadecimal])
            }
            // An ended stage shows its final step; a new stage shows no step yet.
            let isSameStage = machine.stage == before.machine.stage
            let step = isSameStage ? ended?.report.verdict.steps ?? before.step : nil
            let fmax = isSameStage ? ended?.report.verdict.fmax ?? before.fmax : nil
            try database.execute(
                sql: """
                    UPDATE jobs SET state = ?, reason = ?, stage = ?, attempt = ?, updated = ?,
                        revision = revision + 1, step = ?, fmax = ?, launches = 0, launchStep = -1
                    WHERE id = ? AND state = ? AND stage = ? AND attempt = ?
                    """,
                arguments: [
                    machine.state.rawValue, machine.reason, machine.stage, machine.attempt,
                    Date().timeIntervalSince1970, step, fmax,
                    id, before.machine.state.rawValue, before.machine.stage, before.machine.attempt,
                ])
            guard database.changesCount == 1 else {
                throw WorkflowError.staleTransition(job: before.job.name)
            }
            try Self.log(id, Self.describe(before.machine, machine), database)
            return try Self.record(id, in: database)
        }
    }

    private static func describe(_ old: JobMachine, _ new: JobMachine) -> String {
        let place = "stage \(new.stage + 1) (\(new.stages[new.stage].rawValue)), attempt \(new.attempt)"
        return old.state == new.state && old.stage == new.stage
            ? "\(new.state.rawValue): \(new.reason)"
            : "\(old.state.rawValue) → \(new.state.rawValue), \(place): \(new.reason)"
    }

    static func insert(
        _ ended: (report: StageReport, final: Digest), stage: Int, attempt: Int, at: Date = Date(),
        _ id: Int64, _ database: Database
    ) throws {
        let report = String(decoding: try StageReport.encoder.encode(ended.report), as: UTF8.self)
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO stages (job, stage, attempt, kind, report, final, ended)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, stage, attempt, ended.report.kind.rawValue, report, ended.final.hexadecimal,
                at.timeIntervalSince1970,
            ])
    }

    static func record(_ id: Int64, in database: Database) throws -> JobRecord {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id])
        else { throw WorkflowError.noSuchJob("number \(id)") }
        return try JobRecord(row)
    }

    static func log(_ id: Int64, _ text: String, at: Date = Date(), _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO events (job, at, text) VALUES (?, ?, ?)",
            arguments: [id, at.timeIntervalSince1970, text])
    }
}

public import DurableFiles
import Foundation
import GRDB
public import SystemPackage

extension Store {
    // MARK: Stages

    /// The stages that ended, in order.
    public func stages(of id: Int64) throws -> [StageRecord] {
        try pool.read { try Self.stages(of: id, in: $0) }
    }

    static func stages(of id: Int64, in database: Database) throws -> [StageRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM stages WHERE job = ? ORDER BY stage", arguments: [id])
            .map { row in
                let report: String = row["report"]
                return StageRecord(
                    stage: row["stage"], attempt: row["attempt"],
                    report: try StageReport.decoder.decode(StageReport.self, from: Data(report.utf8)),
                    final: try JobRecord.digest(row["final"]),
                    ended: Date(timeIntervalSince1970: row["ended"]))
            }
    }

    /// Updates the reason that the status shows, without an entry in the log.
    func show(_ event: JobEvent, of id: Int64) throws {
        try pool.write { database in
            var machine = try Self.record(id, in: database).machine
            guard machine.handle(event) else { return }
            try database.execute(
                sql:
                    "UPDATE jobs SET reason = ?, updated = ?, revision = revision + 1 WHERE id = ? AND state = ?",
                arguments: [machine.reason, Date().timeIntervalSince1970, id, machine.state.rawValue])
        }
    }

    /// The states of the jobs that have these names; a name that no job has is left out.
    func states(of names: [String]) throws -> [String: JobState] {
        try pool.read { database in
            let statement = try database.cachedStatement(sql: "SELECT state FROM jobs WHERE name = ?")
            return try names.reduce(into: [:]) { states, name in
                let word = try String.fetchOne(statement, arguments: [name])
                states[name] = word.flatMap { JobState(rawValue: $0) }
            }
        }
    }

    /// The names of jobs that wait, directly or through others, for the job of this name.
    ///
    /// - Returns: empty if nobody does, which is decided by one query.
    func waiting(for name: String) throws -> [String: [String]] {
        try pool.read { database in
            // Who waits for whom: name of the job that is waited for → those who wait.
            let statement = try database.cachedStatement(
                sql: """
                    SELECT jobs.name FROM jobs, json_each(jobs.spec, '$.after') AS other
                    WHERE other.value = ? AND state IN ('queued', 'paused')
                    """)
            var found: [String: [String]] = [:]
            var pending = [name]
            while let next = pending.popLast() {
                guard found[next] == nil else { continue }
                let names = try String.fetchAll(statement, arguments: [next])
                found[next] = names
                pending += names
            }
            return found
        }
    }

    /// How far the current stage is; for those who look.
    public func progress(of id: Int64, step: Int?, fmax: Double?) throws {
        try pool.write { database in
            try database.execute(
                sql: "UPDATE jobs SET step = ?, fmax = ?, updated = ?, revision = revision + 1 WHERE id = ?",
                arguments: [step, fmax, Date().timeIntervalSince1970, id])
        }
    }

    /// Counts that the stage sets out from this step: a daemon that its own job ends over and over finds here
    /// how often it has.
    ///
    /// - Returns: how often it set out from there, this time included.
    func noteLaunch(of id: Int64, step: Int) throws -> Int {
        try pool.write { database in
            try database.execute(
                sql: """
                    UPDATE jobs SET launches = CASE WHEN launchStep = ?1 THEN launches + 1 ELSE 1 END,
                        launchStep = ?1 WHERE id = ?2
                    """,
                arguments: [step, id])
            return try Int.fetchOne(database, sql: "SELECT launches FROM jobs WHERE id = ?", arguments: [id])
                ?? 1
        }
    }

    /// True where this file was dropped and taken in before.
    public func wasReturned(_ digest: Digest, to id: Int64) throws -> Bool {
        try pool.read { database in
            try Row.fetchOne(
                database, sql: "SELECT 1 FROM returned WHERE job = ? AND digest = ?",
                arguments: [id, digest.hexadecimal]) != nil
        }
    }

    // MARK: Packages

    /// Records that a package is about to be published. One row a (job, stage, attempt); a crash before it was
    /// published may leave one of which nothing was ever seen, so it is replaced.
    public func intend(_ package: PackageRecord) throws {
        try pool.write { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO packages (job, stage, attempt, folder, digest)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    package.job, package.stage, package.attempt, package.folder, package.digest.hexadecimal,
                ])
        }
    }

    /// True for the SHA-256 of the manifest of a package that was handed out.
    public func isPublished(_ digest: Digest) throws -> Bool {
        try pool.read { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT 1 FROM packages WHERE digest = ?", arguments: [digest.hexadecimal])
            return row != nil
        }
    }

    /// Folders in the outbox of the packages that jobs wait for, `job/stage`, in the order of the jobs' turns. None of a
    /// job that is paused or has ended.
    public func packagesInTurn() throws -> [FilePath] {
        try pool.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT name, folder FROM jobs JOIN packages ON packages.job = jobs.id
                        AND packages.stage = jobs.stage AND packages.attempt = jobs.attempt
                    WHERE state = 'waiting-for-dft' ORDER BY priority DESC, id
                    """
            ).map { row in FilePath(row["name"] as String).appending(row["folder"] as String) }
        }
    }

    public func package(_ job: Int64, stage: Int, attempt: Int) throws -> PackageRecord? {
        try pool.read { try Self.package(job, stage: stage, attempt: attempt, in: $0) }
    }

    private static func package(
        _ job: Int64, stage: Int, attempt: Int, in database: Database
    ) throws -> PackageRecord? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM packages WHERE job = ? AND stage = ? AND attempt = ?",
            arguments: [job, stage, attempt]
        ).map(PackageRecord.init)
    }

    // MARK: Originals in the inbox

    static func note(_ original: Original, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO originals (name, device, inode, size, modified)
                VALUES (?, ?, ?, ?, ?)
                """,
            arguments: [
                Data(original.name), String(original.identity.device), String(original.identity.inode),
                original.size, original.modified,
            ])
    }

    /// Remembers a file that has done what it was for, until it has left the inbox.
    func remember(_ original: Original) throws {
        try pool.write { try Self.note(original, in: $0) }
    }

    /// Files that were claimed and may still lie in the inbox.
    public func originals() throws -> [Original] {
        try pool.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM originals").map { row in
                let name: Data = row["name"]
                let device: String = row["device"]
                let inode: String = row["inode"]
                return Original(
                    name: Array(name),
                    identity: FileIdentity(device: UInt64(device) ?? 0, inode: UInt64(inode) ?? 0),
                    size: row["size"], modified: row["modified"])
            }
        }
    }

    /// The file has left the inbox.
    public func forget(_ original: Original) throws {
        try pool.write { database in
            try database.execute(
                sql: "DELETE FROM originals WHERE name = ?", arguments: [Data(original.name)])
        }
    }

    // MARK: History

    /// Adds a line to a job's history.
    public func note(_ text: String, of id: Int64) throws {
        try pool.write { database in
            try Self.log(id, text, database)
            try database.execute(sql: "UPDATE jobs SET revision = revision + 1 WHERE id = ?", arguments: [id])
        }
    }

    public func history(of id: Int64) throws -> [JobHistoryEntry] {
        try pool.read { try Self.history(of: id, in: $0) }
    }

    static func history(of id: Int64, in database: Database) throws -> [JobHistoryEntry] {
        try Row.fetchAll(
            database, sql: "SELECT at, text FROM events WHERE job = ? ORDER BY number", arguments: [id]
        ).map { JobHistoryEntry(at: Date(timeIntervalSince1970: $0["at"]), text: $0["text"]) }
    }
}

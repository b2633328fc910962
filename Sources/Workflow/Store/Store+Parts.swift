public import DurableFiles
import Foundation
import GRDB
public import SystemPackage

extension Store {
    // MARK: Stages

    /// Returns the stages of a job that have ended, in order.
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

    /// Returns the states of the jobs with these names; unknown names are left out.
    func states(of names: [String]) throws -> [String: JobState] {
        try pool.read { database in
            let statement = try database.cachedStatement(sql: "SELECT state FROM jobs WHERE name = ?")
            return try names.reduce(into: [:]) { states, name in
                let word = try String.fetchOne(statement, arguments: [name])
                states[name] = word.flatMap { JobState(rawValue: $0) }
            }
        }
    }

    /// Returns the names of jobs that wait, directly or indirectly, for the job of this name.
    ///
    /// - Returns: for each job that others wait for, the names of these others. If no job waits, one query suffices.
    func waiting(for name: String) throws -> [String: [String]] {
        try pool.read { database in
            // Name of a job → names of the jobs that wait for it.
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

    /// Records the progress of the current stage.
    public func progress(of id: Int64, step: Int?, fmax: Double?) throws {
        try pool.write { database in
            try database.execute(
                sql: "UPDATE jobs SET step = ?, fmax = ?, updated = ?, revision = revision + 1 WHERE id = ?",
                arguments: [step, fmax, Date().timeIntervalSince1970, id])
        }
    }

    /// Counts the starts of the stage from this step, so that a daemon that one of its jobs kills repeatedly
    /// can notice it.
    ///
    /// - Returns: number of starts from this step, including this one.
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

    /// Returns true if a dropped file with this digest was taken in for the job before.
    public func wasReturned(_ digest: Digest, to id: Int64) throws -> Bool {
        try pool.read { database in
            try Row.fetchOne(
                database, sql: "SELECT 1 FROM returned WHERE job = ? AND digest = ?",
                arguments: [id, digest.hexadecimal]) != nil
        }
    }

    // MARK: Packages

    /// Records that a package is about to be published. There is one row per (job, stage, attempt). A crash
    /// before the publication may leave a row without a package, so an existing row is replaced.
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

    /// Returns true if a package that was handed out has a manifest with this SHA-256.
    public func isPublished(_ digest: Digest) throws -> Bool {
        try pool.read { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT 1 FROM packages WHERE digest = ?", arguments: [digest.hexadecimal])
            return row != nil
        }
    }

    /// Returns the folders in the outbox, `job/stage`, of the packages that jobs wait for, in the order of
    /// the jobs' turns, without those of paused or ended jobs.
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

    /// Returns the digests of the manifests of the packages that jobs wait for, by the jobs' numbers.
    func publishedPackages() throws -> [Int64: Digest] {
        try pool.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT id, digest FROM jobs JOIN packages ON packages.job = jobs.id
                        AND packages.stage = jobs.stage AND packages.attempt = jobs.attempt
                    WHERE state = 'waiting-for-dft'
                    """)
            return Dictionary(
                rows.compactMap { row in
                    Digest(hexadecimal: row["digest"]).map { (row["id"] as Int64, $0) }
                }, uniquingKeysWith: { $1 })
        }
    }

    /// Returns the digest of the manifest of the package for the job's current stage and attempt; nil if there
    /// is no such package.
    func publishedPackage(of record: JobRecord) throws -> Digest? {
        try package(record.id, stage: record.machine.stage, attempt: record.machine.attempt)?.digest
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

    /// Remembers a processed file until it has left the inbox.
    func remember(_ original: Original) throws {
        try pool.write { try Self.note(original, in: $0) }
    }

    /// Returns the claimed files that may still be in the inbox.
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

    /// Records that the file has left the inbox.
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

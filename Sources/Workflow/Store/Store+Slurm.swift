internal import DurableFiles
import Foundation
import GRDB
package import Slurm

/// A submission of a job's package.
package struct SlurmRunRecord: Sendable, Equatable {
    package let job: Int64
    package let stage: Int
    package let attempt: Int
    package var run: SlurmRun
    /// Whether the run still needs polling.
    package var isOpen = true

    init(job: Int64, stage: Int, attempt: Int, run: SlurmRun) {
        (self.job, self.stage, self.attempt, self.run) = (job, stage, attempt, run)
    }

    /// Returns whether the run belongs to the job's current package.
    func isOf(_ record: JobRecord) -> Bool {
        record.id == job && record.machine.stage == stage && record.machine.attempt == attempt
    }

    fileprivate init(_ row: Row) throws {
        let text: String = row["run"]
        self.init(
            job: row["job"], stage: row["stage"], attempt: row["attempt"],
            run: try JSONDecoder().decode(SlurmRun.self, from: Data(text.utf8)))
        isOpen = row["isOpen"]
    }
}

extension Store {
    /// Returns the open runs in the order of submission.
    package func openSlurmRuns() throws -> [SlurmRunRecord] {
        try pool.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM slurmRuns WHERE isOpen = 1 ORDER BY rowid")
                .map(SlurmRunRecord.init)
        }
    }

    /// Returns the open runs whose jobs no longer wait for them, because they were cancelled, paused or
    /// resumed, or are at a later stage.
    func slurmRunsToHeed() throws -> [SlurmRunRecord] {
        try pool.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT slurmRuns.* FROM slurmRuns JOIN jobs ON jobs.id = slurmRuns.job
                    WHERE isOpen = 1 AND (state NOT IN ('waiting-for-dft', 'running') OR jobs.stage <> slurmRuns.stage
                        OR jobs.attempt <> slurmRuns.attempt OR json_extract(run, '$.isHeld'))
                    ORDER BY slurmRuns.rowid
                    """
            ).map(SlurmRunRecord.init)
        }
    }

    /// Returns the jobs whose package or ML stage can be submitted to Slurm and is not in the queue, in the
    /// order of the jobs' turns, and the number of our Slurm jobs in the queue, counting array elements.
    func jobsToSubmit() throws -> (jobs: [JobRecord], queued: Int) {
        try pool.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM jobs WHERE state IN ('waiting-for-dft', 'running')
                        AND NOT EXISTS (SELECT 1 FROM slurmRuns WHERE job = jobs.id AND isOpen = 1)
                    ORDER BY priority DESC, id
                    """)
            let open = try Row.fetchAll(database, sql: "SELECT * FROM slurmRuns WHERE isOpen = 1")
                .map(SlurmRunRecord.init)
            // A package that is being made is not published yet.
            let jobs = try rows.map(JobRecord.init).filter {
                $0.machine.state == .waitingForDFT || $0.planned.kind == .ml
            }
            return (jobs, open.reduce(0) { $0 + $1.run.jobs })
        }
    }

    /// Returns the open submission of the job's current package; nil if there is none.
    func openSlurmRun(of job: JobRecord) throws -> SlurmRun? {
        try slurmRuns(of: job.id, stage: job.machine.stage, attempt: job.machine.attempt)
            .last { $0.isOpen }?.run
    }

    /// Returns the runs of one package, in order.
    package func slurmRuns(of job: Int64, stage: Int, attempt: Int) throws -> [SlurmRunRecord] {
        try pool.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM slurmRuns WHERE job = ? AND stage = ? AND attempt = ? ORDER BY rowid",
                arguments: [job, stage, attempt]
            ).map(SlurmRunRecord.init)
        }
    }

    /// Returns those names that belong to closed runs.
    func closedSlurmRuns(among names: [String]) throws -> Set<String> {
        try pool.read { database in
            try names.reduce(into: []) { closed, name in
                let row = try Row.fetchOne(
                    database, sql: "SELECT 1 FROM slurmRuns WHERE name = ? AND isOpen = 0", arguments: [name])
                if row != nil { closed.insert(name) }
            }
        }
    }

    /// Saves the states of these runs in one transaction.
    ///
    /// A closed run stays closed.
    ///
    /// - Parameter isShown: whether the outbox must be updated.
    func save(_ records: [SlurmRunRecord], isShown: Bool = true) throws {
        guard !records.isEmpty else { return }
        let encoder = JSONEncoder.line
        try pool.write { database in
            for record in records {
                try database.execute(
                    sql: """
                        INSERT INTO slurmRuns (name, job, stage, attempt, number, isOpen, run)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        ON CONFLICT (name) DO UPDATE SET
                            isOpen = MIN(isOpen, excluded.isOpen), run = excluded.run
                        """,
                    arguments: [
                        record.run.name, record.job, record.stage, record.attempt, record.run.number,
                        record.isOpen, String(decoding: try encoder.encode(record.run), as: UTF8.self),
                    ])
                guard isShown else { continue }
                try database.execute(
                    sql: "UPDATE jobs SET revision = revision + 1 WHERE id = ?", arguments: [record.job])
            }
        }
    }

    /// Gives up the lost run of a job, so that its package is submitted again.
    ///
    /// - Returns: false if the job has no such run.
    func abandonLostSlurmRun(of job: Int64) throws -> Bool {
        guard var record = try openSlurmRuns().last(where: { $0.job == job }), record.run.phase == .lost
        else {
            return false
        }
        record.isOpen = false
        try save([record])
        try note("given up by the user: \(record.run.name); the package is submitted again", of: job)
        return true
    }
}

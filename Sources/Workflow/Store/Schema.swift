internal import DurableFiles
import Foundation
import GRDB
import SystemPackage

/// The tables of the store and their migrations.
///
/// `events` is a job's append-only history; the other tables hold the current state.
///
/// Each migration states its version in `user_version`, for programs of earlier versions and for stores that were
/// written before GRDB kept a list of migrations: in these, migrations that were already made are skipped.
enum Schema {
    static let version = 4

    /// To change the schema, append a migration and increase ``version``. Never change an earlier migration.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        register(1, version1, in: &migrator)
        register(2, fromVersion1, in: &migrator)
        register(3, indices + slurmRuns, in: &migrator)
        register(4, fromVersion3, in: &migrator)
        return migrator
    }

    private static func register(_ version: Int, _ statements: String, in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("\(version)") { database in
            guard try found(in: database) < version else { return }
            try database.execute(sql: statements)
            try database.execute(sql: "PRAGMA user_version = \(version)")
        }
    }

    /// Returns the version of a store; 0 for an empty file.
    static func found(in database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    }

    private static let version1 = """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            key TEXT NOT NULL UNIQUE,
            spec TEXT NOT NULL,
            file TEXT NOT NULL,
            structure TEXT NOT NULL,
            priority INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN
                ('queued','running','waiting-for-dft','completed','failed','cancelled','paused')),
            reason TEXT NOT NULL,
            stage INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            step INTEGER,
            fmax REAL,
            accepted REAL NOT NULL,
            updated REAL NOT NULL,
            published REAL NOT NULL DEFAULT 0
        ) STRICT;
        CREATE TABLE stages (
            job INTEGER NOT NULL REFERENCES jobs(id),
            stage INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('ml','dft')),
            report TEXT NOT NULL,
            final TEXT NOT NULL,
            ended REAL NOT NULL,
            PRIMARY KEY (job, stage)
        ) STRICT;
        CREATE TABLE packages (
            job INTEGER NOT NULL REFERENCES jobs(id),
            stage INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            folder TEXT NOT NULL,
            digest TEXT NOT NULL,
            PRIMARY KEY (job, stage, attempt)
        ) STRICT;
        CREATE TABLE originals (
            name BLOB NOT NULL PRIMARY KEY,
            device TEXT NOT NULL,
            inode TEXT NOT NULL,
            size INTEGER NOT NULL,
            modified INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            job INTEGER NOT NULL REFERENCES jobs(id),
            at REAL NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX eventsOfJob ON events(job, number);
        CREATE TRIGGER eventsAreNotChanged BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
        CREATE TRIGGER eventsAreNotRemoved BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
        """

    /// Stages that ended; all kinds.
    private static let stages = """
        CREATE TABLE stages (
            job INTEGER NOT NULL REFERENCES jobs(id),
            stage INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('ml','dft','single-points')),
            report TEXT NOT NULL,
            final TEXT NOT NULL,
            ended REAL NOT NULL,
            PRIMARY KEY (job, stage)
        ) STRICT;
        """

    /// Migrates version 3, which had two kinds of stages.
    private static let fromVersion3 = """
        ALTER TABLE stages RENAME TO formerStages;
        \(stages)
        INSERT INTO stages SELECT job, stage, attempt, kind, report, final, ended FROM formerStages;
        DROP TABLE formerStages;
        """

    /// Indices with which the cost of a turn's queries depends on the open work, not on the whole history.
    private static let indices = """
        CREATE INDEX jobsByState ON jobs(state, priority DESC, id);
        CREATE INDEX jobsToShow ON jobs(id) WHERE shown < revision;
        """

    /// Results taken in from the inbox, so that each counts only once.
    private static let returned = """
        CREATE TABLE returned (
            job INTEGER NOT NULL REFERENCES jobs(id),
            digest TEXT NOT NULL,
            PRIMARY KEY (job, digest)
        ) STRICT;
        """

    /// Submissions of packages to Slurm; a submission is open until it needs no more polling.
    private static let slurmRuns = """
        CREATE TABLE slurmRuns (
            name TEXT NOT NULL PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES jobs(id),
            stage INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            number INTEGER NOT NULL,
            isOpen INTEGER NOT NULL,
            run TEXT NOT NULL
        ) STRICT;
        CREATE INDEX slurmRunsOfJob ON slurmRuns(job, stage, attempt);
        CREATE INDEX openSlurmRuns ON slurmRuns(job) WHERE isOpen = 1;
        """

    /// Migrates version 1, which compared the outbox with the store by the clock.
    private static let fromVersion1 = """
        ALTER TABLE jobs DROP COLUMN published;
        ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE jobs ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN launches INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN launchStep INTEGER NOT NULL DEFAULT -1;
        \(returned)
        """
}

extension Store {
    /// Checks the whole store without writing a byte, because opening it for writing would change the file.
    ///
    /// - Throws: ``WorkflowError/damagedStore(_:_:)``; `DatabaseError` if the file is not a
    ///   database.
    static func verify(_ path: FilePath) throws {
        guard FileManager.default.fileExists(atPath: path.string) else { return }
        let complaints: [String]
        do {
            complaints = try self.complaints(path, readonly: true)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
            // A journal of a killed process has to be replayed first.
            complaints = try self.complaints(path, readonly: false)
        }
        guard complaints == ["ok"] else {
            throw WorkflowError.damagedStore(path, complaints.joined(separator: "; "))
        }
    }

    private static func complaints(_ path: FilePath, readonly: Bool) throws -> [String] {
        var configuration = Configuration()
        configuration.label = "aurelax.store.verify"
        configuration.readonly = readonly
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path.string, configuration: configuration).read {
            try String.fetchAll($0, sql: "PRAGMA integrity_check(5)")
        }
    }
}

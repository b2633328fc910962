import GRDB

/// The tables of the store, version 4.
///
/// `events` is a job's append-only history; the other tables hold the current state.
enum Schema {
    static let version = 4

    static let statements = """
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
            revision INTEGER NOT NULL DEFAULT 1,
            shown INTEGER NOT NULL DEFAULT 0,
            launches INTEGER NOT NULL DEFAULT 0,
            launchStep INTEGER NOT NULL DEFAULT -1
        ) STRICT;
        \(stages)
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
        \(indices)
        \(returned)
        \(slurmRuns)
        """

    /// Stages that ended.
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

    /// From version 3, which had two kinds of stages.
    private static let fromVersion3 = """
        ALTER TABLE stages RENAME TO formerStages;
        \(stages)
        INSERT INTO stages SELECT job, stage, attempt, kind, report, final, ended FROM formerStages;
        DROP TABLE formerStages;
        """

    /// Queries of every turn cost according to the open work, not to the whole history.
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

    /// Submissions of packages to Slurm; one is open until it needs no more polling.
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

    /// From version 1, which compared the outbox by the clock.
    private static let fromVersion1 = """
        ALTER TABLE jobs DROP COLUMN published;
        ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE jobs ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN launches INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN launchStep INTEGER NOT NULL DEFAULT -1;
        \(returned)
        """

    static func create(in database: Database) throws {
        try database.execute(sql: statements)
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Migrates an older store to this version, in the caller's transaction.
    static func migrate(_ database: Database, from found: Int) throws {
        if found < 2 { try database.execute(sql: fromVersion1) }
        if found < 3 { try database.execute(sql: indices + slurmRuns) }
        if found < 4 { try database.execute(sql: fromVersion3) }
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }
}

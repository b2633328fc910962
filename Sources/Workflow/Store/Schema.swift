import GRDB

/// The tables of the store, version 1.
///
/// `events` is a job's history and is only ever appended to; everything else says how things stand.
enum Schema {
    static let version = 1

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
            published REAL NOT NULL DEFAULT 0,
            accepted REAL NOT NULL,
            updated REAL NOT NULL
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

    static func create(in database: Database) throws {
        try database.execute(sql: statements)
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }
}

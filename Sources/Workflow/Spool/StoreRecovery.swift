internal import DurableFiles
import Foundation
import GRDB
internal import JobSpec
public import SystemPackage

/// The recovery of a spool's store from the outbox and the blobs.
public struct StoreRecovery: Sendable {
    /// The outcome of a recovery.
    public struct Outcome: Sendable, Equatable {
        /// Names of the recovered jobs.
        public var jobs: [String] = []
        /// The reasons why no job could be recovered from some folders of the outbox, by the folders' names.
        public var left: [String: String] = [:]
        /// The new place of the previous store; nil if there was none.
        public var former: FilePath?
    }

    private let spool: Spool

    public init(_ spool: Spool) { self.spool = spool }

    /// Replaces a damaged or missing store, and an empty one if the spool has stored files. To any other readable store
    /// it adds the jobs and stages that only the outbox has, for example after a backup was restored.
    ///
    /// The new store is completed under another name and then renamed; repeating this after a crash
    /// is safe. Open jobs resume from the state in the outbox.
    ///
    /// - Throws: ``WorkflowError`` if a daemon is running, if a sound store lacks nothing, or if there is no spool.
    public func run() throws -> Outcome {
        guard FileManager.default.fileExists(atPath: spool.state.string) else {
            throw WorkflowError.noSpool(spool.root)
        }
        let open = try OpenSpool(spool)
        let lock: ExclusiveLock
        do {
            lock = try ExclusiveLock(spool.lockName, in: open.state)
        } catch let held as LockHeld {
            throw WorkflowError.locked(held)
        }
        defer { withExtendedLifetime(lock) {} }
        var outcome = Outcome()
        if let store = try soundStore(open) {
            try merge(into: store, open, &outcome)
            return outcome
        }
        outcome.former = try moveFormerAway(open)
        let name = FilePath.Component(plain: "recovered.sqlite")
        for suffix in ["", "-wal", "-shm"] {
            try open.state.remove(FilePath.Component(plain: name.string + suffix))
        }
        let store = try Store(spool.state.appending(name))
        for copy in try copies(open, &outcome) {
            try store.restore(copy)
            outcome.jobs.append(copy.job.name)
        }
        try store.close()
        for suffix in ["-wal", "-shm"] {
            try open.state.remove(FilePath.Component(plain: name.string + suffix))
        }
        try open.state.move(name, to: "jobs.sqlite", in: open.state)
        try open.state.synchronize()
        return outcome
    }

    /// Opens the store if it exists, is not damaged, and has jobs or never had any; returns nil otherwise.
    private func soundStore(_ open: OpenSpool) throws -> Store? {
        guard try open.state.status(of: "jobs.sqlite") != nil else { return nil }
        do {
            let store = try Store(spool.database, verifying: true)
            return try store.jobs().isEmpty && !open.blobs.isEmpty() ? nil : store
        } catch WorkflowError.damagedStore { return nil }
    }

    /// Adds to a sound store the jobs and stages that only the outbox has.
    private func merge(into store: Store, _ open: OpenSpool, _ outcome: inout Outcome) throws {
        for copy in try copies(open, &outcome) {
            guard let record = try store.job(named: copy.job.name) else {
                try store.restore(copy)
                outcome.jobs.append(copy.job.name)
                continue
            }
            if try copy.isNewer(than: record, in: store) {
                try store.advance(record, to: copy)
                outcome.jobs.append(copy.job.name)
            }
        }
        let count = try store.jobs().count
        try store.close()
        guard !outcome.jobs.isEmpty else {
            throw WorkflowError.notAllowed(
                "\(spool.database.escaped) is sound (\(count) \(count == 1 ? "job" : "jobs")); nothing was changed"
            )
        }
    }

    private func moveFormerAway(_ open: OpenSpool) throws -> FilePath? {
        guard try open.state.status(of: "jobs.sqlite") != nil else { return nil }
        for number in 1... {
            let name = FilePath.Component(plain: "jobs.sqlite.damaged-\(number)")
            guard try open.state.status(of: name) == nil else { continue }
            for suffix in ["-wal", "-shm", ""] {
                let old = FilePath.Component(plain: "jobs.sqlite" + suffix)
                guard try open.state.status(of: old) != nil else { continue }
                try open.state.move(old, to: FilePath.Component(plain: name.string + suffix), in: open.state)
            }
            try open.state.synchronize()
            return spool.state.appending(name)
        }
        return nil
    }

    /// Returns the copies of the jobs' records in the outbox, in the order in which the jobs were accepted.
    private func copies(_ open: OpenSpool, _ outcome: inout Outcome) throws -> [JobCopy] {
        var copies: [JobCopy] = []
        for name in try open.outbox.names() where name != Spool.rejected {
            guard try open.outbox.status(of: name)?.kind == .directory else { continue }
            do {
                let folder = try open.outbox.subdirectory(name)
                guard let bytes = try folder.read(FilePath.Component(plain: JobCopy.file), limit: 64 << 20)
                else {
                    outcome.left[name.escaped] = "no copy of the job's record; drop its job.yaml again"
                    continue
                }
                let copy = try JobCopy(bytes)
                guard copy.job.name == name.string else {
                    outcome.left[name.escaped] = "it is the folder of ‘\(copy.job.name)’ under another name"
                    continue
                }
                for digest in [copy.structure] + copy.stages.map(\.final)
                where try open.blobs.read(digest) == nil {
                    throw WorkflowError.notAllowed("the structure \(digest) is not among the blobs")
                }
                copies.append(copy)
            } catch let error as FileError where error.isFatal {
                throw error
            } catch {
                outcome.left[name.escaped] = "\(error)"
            }
        }
        return copies.sorted { ($0.accepted, $0.job.name) < ($1.accepted, $1.job.name) }
    }
}

extension JobCopy {
    /// Returns true if this copy in the outbox has more of the same job's history than the store.
    func isNewer(than record: JobRecord, in store: Store) throws -> Bool {
        guard file == record.file, structure == record.structure else { return false }
        let known = try store.history(of: record.id)
        return history.count > known.count && zip(history, known).allSatisfy { $0.text == $1.text }
    }
}

extension Store {
    /// Returns the packages of a job that were handed out, or were about to be.
    func packages(of id: Int64) throws -> [PackageRecord] {
        try pool.read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM packages WHERE job = ? ORDER BY stage, attempt", arguments: [id]
            ).map(PackageRecord.init)
        }
    }

    /// Restores a job from its copy.
    fileprivate func restore(_ copy: JobCopy) throws {
        let acceptance = Acceptance(job: copy.job, file: copy.file, structure: copy.structure, originals: [])
        guard case .accepted(let record) = try accept(acceptance) else {
            throw WorkflowError.notAllowed("two folders hold the job ‘\(copy.job.name)’")
        }
        try take(copy, into: record, after: 0, "the store was rebuilt from the outbox")
    }

    /// Brings a job of the store up to its newer copy in the outbox.
    fileprivate func advance(_ record: JobRecord, to copy: JobCopy) throws {
        try take(
            copy, into: record, after: history(of: record.id).count,
            "the store was older than the outbox and was updated from it")
    }

    /// Writes the state, stages, history and packages of a copy into the store, with a note in the history.
    ///
    /// - Parameter known: number of entries of the copy's history that the store has already.
    private func take(_ copy: JobCopy, into record: JobRecord, after known: Int, _ note: String) throws {
        // The run that the copy describes no longer exists: the job is queued, and its stage resumes from its files.
        let wasAtWork = copy.state == .running || copy.state == .waitingForDFT
        try pool.write { database in
            try database.execute(
                sql: """
                    UPDATE jobs SET state = ?, reason = ?, stage = ?, attempt = ?, accepted = ?, updated = ?,
                        revision = revision + 1 WHERE id = ?
                    """,
                arguments: [
                    (wasAtWork ? JobState.queued : copy.state).rawValue, copy.reason, copy.stage,
                    copy.attempt,
                    copy.accepted.timeIntervalSince1970, copy.updated.timeIntervalSince1970, record.id,
                ])
            for stage in copy.stages {
                try Self.insert(
                    (stage.report, stage.final), stage: stage.stage, attempt: stage.attempt,
                    at: stage.ended, record.id, database)
            }
            for entry in copy.history.dropFirst(known) {
                try Self.log(record.id, entry.text, at: entry.at, database)
            }
            try Self.log(record.id, note, database)
        }
        for package in copy.packages {
            try intend(
                PackageRecord(
                    job: record.id, stage: package.stage, attempt: package.attempt, folder: package.folder,
                    digest: package.digest))
        }
    }
}

public import DurableFiles
import Foundation
public import JobSpec
public import Reports
public import SystemPackage

/// The list of a spool's jobs, encoded as JSON for other programs.
public struct JobList: Encodable, Sendable {
    public let jobs: [JobStatus]
    /// Job files in the inbox that have not been accepted yet.
    public let inbox: [String]
    /// The reasons why files of the inbox wait or cannot be used, by file name.
    public let notes: [String: String]

    public init(jobs: [JobStatus], inbox: [String], notes: [String: String] = [:]) {
        (self.jobs, self.inbox, self.notes) = (jobs, inbox, notes)
    }
}

/// The operations of commands on a spool, whether or not a daemon is running.
public struct SpoolClient: Sendable {
    public let spool: Spool

    public init(_ spool: Spool) { self.spool = spool }

    /// Drops a job and its structure into the inbox: first the structure, each atomically.
    ///
    /// - Returns: the name of the job's file in the inbox.
    /// - Throws: `FileError` with EEXIST if a file of that name already waits there.
    @discardableResult
    public func submit(_ job: Job, structure: [UInt8]?) throws -> String {
        let inbox = try OpenSpool(spool).openInbox()
        var job = job
        if let structure {
            // Uses a name that no other job's structure has.
            let name = "\(job.name).xyz"
            try Self.put(
                structure, as: FilePath.Component(plain: name), in: inbox, beside: "\(job.name).yaml")
            job.structure = .file(name)
        }
        let file = "\(job.name).yaml"
        try inbox.create(FilePath.Component(plain: file), Array(job.yaml.utf8))
        return file
    }

    /// Puts the structure of a job into the inbox; a structure that another job left there is not
    /// overwritten.
    private static func put(
        _ structure: [UInt8], as name: FilePath.Component, in inbox: Directory, beside job: String
    ) throws {
        let file = FilePath.Component(plain: job)
        guard try inbox.status(of: file) == nil else {
            throw FileError(code: .fileExists, operation: "submit", path: inbox.path.appending(file))
        }
        do {
            try inbox.create(name, structure)
        } catch  where error.code == .fileExists {
            guard try inbox.read(name) == structure else { throw error }
        }
    }

    /// Drops a file into the inbox, as copying it there would. A job file with mistakes is refused at once.
    ///
    /// - Throws: ``WorkflowError/notAllowed(_:)`` for an invalid name or job; `FileError` with EEXIST if a file of that
    ///   name already waits there.
    public func drop(_ bytes: [UInt8], as name: String) throws {
        guard let file = FilePath.Component(name), file.kind == .regular, !name.hasPrefix("."),
            name.utf8.count <= 255,
            !name.contains(where: { $0.isNewline || $0 == "/" })
        else {
            throw WorkflowError.notAllowed("‘\(name.prefix(80))’ is not the name of a file for the inbox")
        }
        switch InboxName(name) {
        case .job:
            let read = JobFile(bytes, file: name)
            guard read.job != nil else { throw WorkflowError.notAllowed(read.report) }
        case .other: break
        default:
            throw WorkflowError.notAllowed("\(name): only jobs and their structures can be dropped")
        }
        try OpenSpool(spool).openInbox().create(file, bytes)
    }

    /// Returns the names of the folders in `outbox/rejected` with the files that were set aside last, the newest
    /// first.
    public func rejections(last count: Int = 5) -> [String] {
        let folder = URL(fileURLWithPath: spool.outbox.appending(Spool.rejected).string)
        let all =
            (try? FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: [.contentModificationDateKey])) ?? []
        let dated = all.map { url in
            (
                url.lastPathComponent,
                (try? url.resourceValues(forKeys: [.contentModificationDateKey]))?.contentModificationDate
            )
        }
        return dated.sorted { ($1.1 ?? .distantPast) < ($0.1 ?? .distantPast) }.prefix(count).map(\.0)
    }

    /// Returns the state that this spool's daemon reports; nil if none is running.
    public func health() throws -> DaemonHealth? {
        guard FileManager.default.fileExists(atPath: spool.state.string) else { return nil }
        let state = try Directory(spool.state)
        guard try ExclusiveLock.isHeld(spool.lockName, in: state),
            let bytes = try state.read(FilePath.Component(plain: DaemonHealth.file), limit: 1 << 20)
        else { return nil }
        return try? JSONDecoder().decode(DaemonHealth.self, from: Data(bytes))
    }

    /// Returns every job in the order of turns, without the jobs that are still in the inbox.
    public func statuses() throws -> [JobStatus] {
        // The first daemon of a spool may be about to create the store.
        if !FileManager.default.fileExists(atPath: spool.database.string), !filesInInbox().isEmpty {
            return []
        }
        let (jobs, runs, published) = try withStore { store in
            (
                try store.jobs(), Dictionary(try store.openSlurmRuns().map { ($0.job, $0) }) { $1 },
                try store.publishedPackages()
            )
        }
        return jobs.map { job in
            let run = runs[job.id].flatMap { $0.isOf(job) ? $0.run : nil }
            return JobStatus(job, in: spool, published: published[job.id], run: run)
        }
    }

    /// Returns the jobs in the order for users: active ones first, then waiting, failed and completed ones.
    ///
    /// - Parameter states: the states of the jobs to return; empty for all.
    public func statuses(inTurn states: [JobState]) throws -> [JobStatus] {
        let order: [JobState] = [
            .running, .waitingForDFT, .queued, .paused, .failed, .cancelled, .completed,
        ]
        let jobs = try statuses().filter { states.isEmpty || states.contains($0.state) }
        return order.flatMap { state in jobs.filter { $0.state == state } }
    }

    /// Returns the progress of the current stage; empty if the stage is not active, so that a thousand
    /// waiting jobs do not cost the reading of a thousand files.
    public func curve(of status: JobStatus) -> OptimizerCurve {
        // A package that has no step yet may contain the log of another run.
        guard status.state == .running || status.state == .waitingForDFT && status.step != nil else {
            return OptimizerCurve("")
        }
        guard let job = JobName(status.name) else { return OptimizerCurve("") }
        let folder = StageFolder(job, stage: status.stage - 1, kind: status.kind, attempt: status.attempt)
        return OptimizerCurve(atPath: folder.path(of: "optimizer.log", in: spool).string)
    }

    /// Returns the lines of the optimiser's log of a stage's last attempt; none before the stage starts.
    ///
    /// - Parameter stage: number of the stage, from 1.
    public func optimizerLog(of name: String, stage: Int) throws -> [String] {
        let record = try record(name)
        let stages = record.machine.stages
        guard (1...stages.count).contains(stage) else {
            throw WorkflowError.notAllowed("\(name) has stages 1 to \(stages.count), not \(stage)")
        }
        let kind = stages[stage - 1]
        let attempt =
            stage - 1 == record.machine.stage
            ? record.machine.attempt
            : try withStore { try $0.stages(of: record.id) }.filter { $0.stage == stage - 1 }.map(\.attempt)
                .max() ?? 1
        let folder = StageFolder(JobName(of: record.job), stage: stage - 1, kind: kind, attempt: attempt)
        let log = folder.path(of: "optimizer.log", in: spool).string
        guard isPlainFile(atPath: log, limit: OptimizerCurve.largestLog) else { return [] }
        let text = try? String(contentsOfFile: log, encoding: .utf8)
        return (text ?? "").split(whereSeparator: \.isNewline).map(String.init)
    }

    /// Returns the state of a job that was accepted.
    ///
    /// - Throws: ``WorkflowError/noSuchJob(_:)``, ``WorkflowError/notTakenIn(_:why:)``.
    public func status(of name: String) throws -> JobStatus { try shown(record(name)) }

    private func shown(_ record: JobRecord) throws -> JobStatus {
        try withStore { store in
            JobStatus(
                record, in: spool, published: try store.publishedPackage(of: record),
                run: try store.openSlurmRun(of: record))
        }
    }

    /// Returns the state of a job in the store; nil if there is no such job, or no store yet.
    public func knownStatus(of name: String) throws -> JobStatus? {
        do {
            return try withStore { try $0.job(named: name) }.map(shown)
        } catch WorkflowError.noSpool { return nil }
    }

    /// Returns the files in the job's folder; nil while there is no folder.
    private func files(of job: String) throws -> JobFiles? {
        let folder = spool.folder(ofJob: job)
        guard FileManager.default.fileExists(atPath: folder.string) else { return nil }
        return try JobFiles(in: Directory(folder))
    }

    /// Returns the results of each stage so far.
    public func summary(of name: String) throws -> String {
        let record = try record(name)
        let files = try files(of: name)
        return try withStore { store in
            try Summary(record, store.stages(of: record.id), files).yaml
        }
    }

    /// Returns the report on a job, with all data that the store and the job's folder have so far.
    public func report(of name: String) throws -> JobReport {
        let record = try record(name)
        let files = try files(of: name)
        return try withStore { store in
            try JobReport(
                record, store.stages(of: record.id), store.history(of: record.id), files,
                folder: spool.folder(ofJob: name))
        }
    }

    public func history(of name: String) throws -> [JobHistoryEntry] {
        let record = try record(name)
        return try withStore { try $0.history(of: record.id) }
    }

    /// Returns the diagnostics of a job that was set aside; nil if it was not.
    public func rejection(of name: String) -> String? {
        guard JobName(name) != nil else { return nil }
        let path = spool.outbox.appending(Spool.rejected).appending(name).appending("diagnostics.txt")
        return try? String(contentsOfFile: path.string, encoding: .utf8)
    }

    /// Returns the names of the job files that wait in the inbox, sorted.
    public func filesInInbox() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: spool.inbox.string)) ?? []
        return names.filter { InboxName($0) == .job }.sorted()
    }

    /// Returns the running daemon's notes on files in the inbox: why they wait or cannot be used; empty if no
    /// daemon is running.
    public func inboxNotes() -> [String: String] {
        guard (try? health()) ?? nil != nil,
            let bytes = try? Directory(spool.state).read(InboxNotes.file, limit: 1 << 22),
            let notes = try? JSONDecoder().decode(InboxNotes.self, from: Data(bytes))
        else { return [:] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: spool.inbox.string)) ?? []
        let present = Set(names.map { FilePath.Component(bytes: Array($0.utf8))?.escaped ?? $0 })
        return notes.files.filter { present.contains($0.key) }
    }

    /// Returns the reason why the job's file is still in the inbox.
    private func delay(of name: String) throws -> InboxDelay {
        guard try health() != nil else { return .noDaemon }
        let notes = inboxNotes()
        return (notes["\(name).yaml"] ?? notes["\(name).yml"]).map(InboxDelay.because) ?? .notSeen
    }

    /// Returns true while the job's file waits in the inbox.
    public func isInInbox(_ name: String) -> Bool {
        !Set(filesInInbox()).isDisjoint(with: ["\(name).yaml", "\(name).yml"])
    }

    /// Applies a user's request to a job; a daemon sees it at its next turn.
    ///
    /// - Throws: ``WorkflowError/notAllowed(_:)`` if the request is not valid in the job's state.
    public func request(_ request: JobRequest, of name: String) throws -> JobStatus {
        let record = try record(name)
        if request == .retry, try withStore({ try $0.abandonLostSlurmRun(of: record.id) }) {
            return try shown(record)
        }
        guard let after = try withStore({ try $0.apply(request.event, to: record.id) }) else {
            throw WorkflowError.notAllowed(
                "cannot \(request.rawValue) \(name): it is \(record.machine.state.rawValue)")
        }
        return try shown(after)
    }

    /// Returns true if a package that the daemon handed out has a manifest with this SHA-256.
    public func isPublished(_ digest: Digest) throws -> Bool {
        try withStore { try $0.isPublished(digest) }
    }

    /// Returns ``Store/packagesInTurn()``; none if there is no spool yet.
    public func packagesInTurn() throws -> [FilePath] {
        do { return try withStore { try $0.packagesInTurn() } } catch WorkflowError.noSpool { return [] }
    }

    func record(_ name: String) throws -> JobRecord {
        // The store has a job before its file leaves the inbox, so the inbox is looked at first.
        let waits = isInInbox(name)
        do {
            if let record = try withStore({ try $0.job(named: name) }) { return record }
        } catch WorkflowError.noSpool where waits {}
        throw waits ? WorkflowError.notTakenIn(name, why: try delay(of: name)) : .noSuchJob(name)
    }

    func withStore<Result>(_ body: (Store) throws -> Result) throws -> Result {
        guard FileManager.default.fileExists(atPath: spool.database.string) else {
            throw WorkflowError.noSpool(spool.root)
        }
        return try body(Store(spool.database))
    }
}

internal import DurableFiles
import Foundation
import Handoff
package import JobSpec
package import Logging
package import Slurm
import SystemPackage

/// The part of the daemon that submits packages to Slurm and follows them there, with one query per interval
/// for all of them.
///
/// The store records the submissions; a file in each package marks its result as complete. Only ``Engine`` takes
/// results in.
package actor SlurmFollower {
    let spool: OpenSpool
    let store: Store
    private(set) var configuration: SpoolConfiguration
    /// The status of the configuration file at the last reading.
    private var read: FileStatus?
    /// The errors of the configuration file, if it cannot be adopted; the previous configuration then remains in
    /// force.
    private var misreading: String?
    let commands: SlurmCommands
    let logger: Logger
    private let folders: JobFolder
    let token: @Sendable () -> String
    /// The aurelax program for ML stages.
    let program: String
    /// Consecutive failed queries.
    private(set) var failures = 0
    /// While Slurm accepts no more jobs, the time of the next attempt to submit.
    var submitAfter = ContinuousClock.now
    /// Jobs that Slurm cannot accept at present, with the times until which they wait.
    var postponed: [Int64: ContinuousClock.Instant] = [:]
    /// The time until which accounting is not queried, because it is missing or unavailable.
    private var accountingAfter = ContinuousClock.now
    /// Current pause between two queries of accounting while it is unavailable.
    private var accountingPause = Duration.zero
    /// Time of the next query for the places of waiting jobs.
    private var placesAfter = ContinuousClock.now
    /// Unwanted Slurm jobs of this spool, with the time of their discovery.
    private var orphans: [Int: Date] = [:]
    /// The problem of the contact with Slurm, for the daemon's status file; nil while Slurm answers.
    private var silence: String?
    package var trouble: String? {
        let all = [silence, misreading].compactMap { $0 }
        return all.isEmpty ? nil : all.joined(separator: "; ")
    }

    var settings: SlurmConfiguration { configuration.slurm }

    package init(
        _ spool: OpenSpool, _ store: Store, _ configuration: SpoolConfiguration, _ commands: SlurmCommands,
        _ logger: Logger, program: String = "aurelax",
        token: @escaping @Sendable () -> String = { String(UInt32.random(in: .min ... .max), radix: 16) }
    ) {
        self.spool = spool
        self.store = store
        self.configuration = configuration
        self.commands = commands
        self.logger = logger
        self.token = token
        self.program = program
        folders = JobFolder(spool, store)
    }

    // MARK: Looking

    /// Polls the queue once.
    ///
    /// - Returns: time until the next poll: longer if Slurm is slow or silent.
    package func look() async throws -> Duration {
        try readAnew()
        let interval = Duration.seconds(settings.interval)
        var records = try store.openSlurmRuns()
        guard !records.isEmpty || !orphans.isEmpty || failures > 0 else { return interval }
        let start = ContinuousClock.now
        let entries: [QueueEntry]
        do {
            entries = try await commands.queue()
        } catch let error as SlurmCommands.NoAnswer {
            return try noAnswer(error, records)
        }
        let answered = start.duration(to: .now)
        if failures > 0 { logger.notice("Slurm answers again") }
        (failures, silence) = (0, nil)
        let now = Date()
        let byName = Dictionary(grouping: entries, by: \.name)
        let before = records
        var absent: [Int] = []
        var changed: Set<Int> = []
        for index in records.indices {
            let entries = byName[records[index].run.name]?.filter(records[index].run.matches) ?? []
            if records[index].run.see(entries, at: now) { changed.insert(index) }
            if entries.isEmpty || !records[index].run.elementsUnseen.isEmpty { absent.append(index) }
        }
        await place(&records, &changed)
        let accounted = try await accounted(absent.map { records[$0] })
        for index in absent {
            let entries = accounted[records[index].run.name]?.filter(records[index].run.matches) ?? []
            if records[index].run.see(entries, at: now) { changed.insert(index) }
            guard entries.isEmpty || !records[index].run.elementsUnseen.isEmpty else { continue }
            if try miss(&records[index], at: now) { changed.insert(index) }
        }
        try keep(changed.sorted().map { (before[$0], records[$0]) })
        for record in records { try await decide(record, at: now) }
        try await removeOrphans(entries, known: Set(records.map(\.run.name)), at: now)
        // A controller that answers slowly is polled less often.
        return max(interval, answered * 10)
    }

    /// Adopts changes of `aurelax.yaml` that do not need a restart.
    private func readAnew() throws {
        let root = try Directory(spool.spool.root)
        let status = try root.status(of: FilePath.Component(plain: SpoolConfiguration.file))
        let before = read
        read = status
        guard before != status else { return }
        do {
            let new = try SpoolConfiguration.read(of: spool.spool)
            guard new.executor == configuration.executor, new.ml.executor == configuration.ml.executor,
                new.ml.models == configuration.ml.models
            else {
                misreading =
                    "aurelax.yaml: another executor, or another folder of models, takes effect when the daemon is restarted"
                return
            }
            misreading = nil
            if new != configuration { logger.notice("aurelax.yaml was read again") }
            configuration = new
        } catch {
            if misreading == nil { logger.error("aurelax.yaml was changed, but cannot be used: \(error)") }
            misreading = "aurelax.yaml was changed, but cannot be used: \(error)"
        }
    }

    /// Upper limits for the resources that a job may request; nil if DFT packages are not run through Slurm.
    package var limits: Resources? { configuration.executor == .slurm ? settings.limits : nil }

    private func noAnswer(_ error: SlurmCommands.NoAnswer, _ records: [SlurmRunRecord]) throws -> Duration {
        failures += 1
        silence = "Slurm does not answer: \(error)"
        if failures == 3 {
            logger.warning("lost contact with Slurm: \(error)")
            try keep(
                records.compactMap { before in
                    var record = before
                    return record.run.loseContact("Slurm does not answer (\(error))") ? (before, record) : nil
                })
        }
        return .seconds(
            min(settings.interval * Double(1 << min(failures, 10)), max(settings.interval * 10, 60)))
    }

    /// Queries the places of waiting jobs; at every second poll, and only while jobs wait.
    private func place(_ records: inout [SlurmRunRecord], _ changed: inout Set<Int>) async {
        let waiting = Set(
            records.map(\.run).filter {
                $0.phase == .pending && !$0.isHeld && WaitingQueue.isForRoom($0.reason)
            }
            .compactMap(\.id))
        guard settings.positions, !waiting.isEmpty, ContinuousClock.now >= placesAfter else { return }
        placesAfter = .now + .seconds(1.5 * settings.interval)
        guard let places = try? await commands.waiting().places(of: waiting) else { return }
        for index in records.indices
        where records[index].run.stand(at: records[index].run.id.flatMap { places[$0] }) {
            changed.insert(index)
        }
    }

    /// Queries the accounting database for runs that the controller has forgotten; one query for
    /// all.
    private func accounted(_ records: [SlurmRunRecord]) async throws -> [String: [QueueEntry]] {
        let asked = records.filter { $0.run.phase != .ended && $0.run.timesAbsent >= 1 }
        guard ContinuousClock.now >= accountingAfter, let since = asked.map(\.run.intendedAt).min() else {
            return [:]
        }
        do {
            guard
                let entries = try await commands.accounted(
                    asked.map(\.run.name), since: since.addingTimeInterval(-3600))
            else {
                // Accounting may be off permanently or for a minute, so the pause between queries grows.
                accountingPause = min(
                    max(accountingPause * 2, .seconds(max(2 * settings.interval, 1))), .seconds(1800))
                accountingAfter = .now + accountingPause
                return [:]
            }
            accountingPause = .zero
            return Dictionary(grouping: entries, by: \.name)
        } catch let error as SlurmCommands.NoAnswer {
            logger.info("\(error)")
            accountingAfter = .now + .seconds(max(2 * settings.interval, 1))
            return [:]
        }
    }

    /// Handles a run that the controller did not list: records the exit status in its package if there is one,
    /// otherwise its absence from the queue.
    private func miss(_ record: inout SlurmRunRecord, at now: Date) throws -> Bool {
        let before = record.run
        let package = try package(of: record)
        if record.run.id == nil, let id = package?.began(record.run.name) { record.run.accept(id: id) }
        if let status = package?.ended(record.run.name) {
            record.run.ended(status: status, at: now)
        } else {
            if record.run.phase == .intended, record.run.doubtedAt == nil {
                record.run.doubt("the daemon ended during the submission", at: now)
            }
            for element in record.run.elementsUnseen {
                guard let status = package?.ended(record.run.name, element: element) else { continue }
                record.run.ended(element: element, status: status, at: now)
            }
            record.run.miss(at: now)
        }
        return record.run != before
    }

    /// Saves changes, and logs them if they matter to a user.
    private func keep(_ changes: [(before: SlurmRunRecord, after: SlurmRunRecord)]) throws {
        // A changed reason for waiting is not logged; there may be many.
        let isNews = { (change: (before: SlurmRunRecord, after: SlurmRunRecord)) in
            change.before.run.phase != change.after.run.phase
        }
        try store.save(changes.filter { !isNews($0) }.map(\.after), isShown: false)
        try store.save(changes.filter(isNews).map(\.after))
        for (before, record) in changes {
            let text: String
            switch (before.run.phase, record.run.phase) {
            case (_, .running) where before.run.phase != .running:
                text =
                    record.run.array == nil
                    ? "Slurm job \(record.run.id ?? 0) runs on \(record.run.node)"
                    : "Slurm array \(record.run.id ?? 0) runs"
            case (_, .lost) where before.run.phase != .lost, (.lost, .pending), (.lost, .completing):
                text = record.run.text(at: Date())
            default: continue
            }
            logger.about(
                try store.job(record.job).job.name, stage: record.stage, attempt: record.attempt
            ).info("\(record.run.name): \(text)")
            _ = try store.apply(.noted(text), to: record.job, expected: (record.stage, record.attempt))
        }
    }

    // MARK: Deciding

    private func decide(_ record: SlurmRunRecord, at now: Date) async throws {
        switch record.run.phase {
        case .pending, .running, .completing: return
        case .intended: return try abandon(record, at: now)
        case .lost, .ended: break
        }
        let job = try store.job(record.job)
        guard isCurrent(record, of: job), !job.machine.state.isFinal else {
            return try close(record)
        }
        guard let package = try package(of: record) else { return try close(record) }
        if try package.hasResult { return try close(record) }
        guard record.run.phase == .ended, let endedAt = record.run.endedAt,
            now.timeIntervalSince(endedAt) >= settings.settle
        else { return }
        switch try decision(record, package) {
        case .close: try close(record)
        case .again(let request, let why):
            var ended = record
            ended.run.next = request
            try close(ended)
            logger.about(job).notice("\(job.job.name): \(why)")
            try store.note(why, of: job.id)
            try await submit(job, package, request, number: record.run.number + 1)
        case .stop(let why):
            try close(record)
            logger.about(job).error("\(job.job.name): \(why)")
            _ = try store.apply(
                .stageFailed(why, again: false), to: job.id, expected: (record.stage, record.attempt))
        }
    }

    private func decision(
        _ record: SlurmRunRecord, _ package: PackageFolder
    ) throws -> ResubmissionRules.Decision {
        let (rules, run) = (settings.resubmission, record.run)
        let evidence = try package.evidence(of: run)
        let idle = try idleRuns(record, evidence)
        guard let array = run.array else { return rules.decision(run, evidence, idle: idle) }
        var missing = Set(try package.missingPoints).intersection(array.elements).sorted()
        // All points exist, but the run that should have combined them ended without doing so.
        if missing.isEmpty, array.elements == [array.total] { missing = array.elements }
        return rules.decision(
            run, missing: try missing.map { try package.evidence(of: run, element: $0) }, idle: idle)
    }

    /// Closes a submission that Slurm did not list in several polls, so that the package is submitted again. If the
    /// first submission appears later, it is cancelled before it starts.
    private func abandon(_ record: SlurmRunRecord, at now: Date) throws {
        guard let doubted = record.run.doubtedAt, record.run.timesAbsent >= 3,
            now.timeIntervalSince(doubted) >= max(2 * settings.timeout, 3 * settings.interval)
        else { return }
        try store.note(
            "Slurm has no job \(record.run.name), so its submission failed; it is submitted again",
            of: record.job)
        try close(record)
    }

    /// Returns the number of consecutive runs without a new step, including the last run.
    private func idleRuns(_ record: SlurmRunRecord, _ evidence: RunEvidence) throws -> Int {
        var steps = evidence.steps
        var idle = 0
        let runs = try store.slurmRuns(of: record.job, stage: record.stage, attempt: record.attempt)
        for run in runs.map(\.run).reversed() where run.end != nil {
            guard run.stepsBefore >= steps else { break }
            (idle, steps) = (idle + 1, run.stepsBefore)
        }
        return idle
    }

    /// Cancels Slurm jobs whose runs are closed in the store, such as a submission that appears after it was given up.
    /// Waits for the settling time first.
    private func removeOrphans(_ entries: [QueueEntry], known: Set<String>, at now: Date) async throws {
        let alive = entries.filter { entry in
            if case .ended = entry.state { return false }
            return entry.name.hasPrefix("aurelax-") && !known.contains(entry.name)
        }
        let closed = alive.isEmpty ? [] : try store.closedSlurmRuns(among: alive.map(\.name))
        let ours = alive.filter { closed.contains($0.name) }
        orphans = orphans.filter { id, _ in ours.contains { $0.id == id } }
        for entry in ours where orphans[entry.id] == nil { orphans[entry.id] = now }
        let late = orphans.filter { now.timeIntervalSince($0.value) >= settings.settle }.map(\.key)
        guard !late.isEmpty else { return }
        try await attempt { try await self.commands.cancel(late) }
    }

    // MARK: Shared

    func close(_ record: SlurmRunRecord) throws {
        var record = record
        record.isOpen = false
        try store.save([record])
    }

    /// Returns whether the job is still at the run's stage and attempt.
    func isCurrent(_ record: SlurmRunRecord, of job: JobRecord) -> Bool {
        job.machine.stage == record.stage && job.machine.attempt == record.attempt
    }

    func package(of record: SlurmRunRecord) throws -> PackageFolder? {
        try package(of: store.job(record.job), stage: record.stage, attempt: record.attempt)
    }

    func package(of job: JobRecord) throws -> PackageFolder? {
        try package(of: job, stage: job.machine.stage, attempt: job.machine.attempt)
    }

    private func package(of job: JobRecord, stage: Int, attempt: Int) throws -> PackageFolder? {
        let kind = job.machine.stages[stage]
        let place = StageFolder(JobName(of: job.job), stage: stage, kind: kind, attempt: attempt)
        guard let folder = try place.open(in: folders.directory(of: job)) else { return nil }
        let package = PackageFolder(directory: folder, kind: kind)
        return try package.isComplete ? package : nil
    }

    /// Runs a Slurm command.
    ///
    /// - Returns: false if Slurm did not answer; the caller tries again in the next poll.
    @discardableResult
    func attempt(_ work: @Sendable () async throws -> Void) async throws -> Bool {
        do {
            try await work()
            return true
        } catch let error as SlurmCommands.NoAnswer {
            logger.debug("\(error)")
            return false
        }
    }
}

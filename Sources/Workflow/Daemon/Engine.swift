internal import Atomistics
internal import DurableFiles
internal import ForeignStructures
import Foundation
import Handoff
package import JobSpec
package import Logging
import ModelLibrary
import SystemPackage

/// The part of the daemon that performs the actions which the states of the jobs require. One call of
/// ``turn()`` handles every job; all lasting state is in the store. Long work (stages, results, reports) runs
/// on separate threads.
package actor Engine {
    let spool: OpenSpool
    let store: Store
    let configuration: DaemonConfiguration
    let folders: JobFolder
    let stages: StageLauncher
    let intake: ResultIntake
    let logger: Logger
    /// Set when the daemon is asked to stop: a turn under way ends early, and no other begins.
    package nonisolated let stopping = StopFlag()
    var inbox: Inbox
    var jobs = ActiveJobs()
    var intakes = Intakes()
    var watch: PackageWatch
    /// Jobs whose results this turn has begun to read.
    var started: Set<Int64> = []
    var isPublishing = false
    var fatal: (any Error)?
    var pending: [String: String] = [:]
    /// The notes last written to `inbox.json`; nil before the first writing.
    var shownInbox: InboxNotes?
    var troubles = Troubles()
    var isWatched: Bool?
    /// Problems of the daemon's other parts, by the name of the part.
    var foreignTroubles: [String: String] = [:]
    var health: DaemonHealth?
    private var running: [Int64: RunningStage] = [:]
    private var willLookAgain = false
    /// Jobs whose logs already say that the job waits for other jobs.
    private var held: Set<Int64> = []
    /// Time of the last poll of packages and of stages on other machines: one poll in each interval, whatever
    /// wakes the daemon.
    private var lastPoll: ContinuousClock.Instant?
    private var polls: Int64 = 0
    /// Asks for another turn.
    let wake: @Sendable () -> Void

    /// A stage that is being computed.
    private struct RunningStage {
        let stop: StopFlag
        /// The state of the job when its stage was started.
        let machine: JobMachine
        let task: Task<Void, Never>

        func isStill(_ now: JobMachine) -> Bool {
            now.state == .running && now.stage == machine.stage && now.attempt == machine.attempt
        }
    }

    package init(
        _ spool: OpenSpool, _ store: Store, _ configuration: DaemonConfiguration, _ logger: Logger,
        wake: @escaping @Sendable () -> Void = {}
    ) throws {
        self.wake = wake
        self.spool = spool
        self.store = store
        self.configuration = configuration
        self.logger = logger
        folders = JobFolder(spool, store)
        stages = StageLauncher(spool, store, configuration)
        intake = ResultIntake(spool: spool, store: store, stages: stages)
        watch = PackageWatch(interval: configuration.interval)
        inbox = Inbox(
            spool, store, settle: configuration.settle, resources: configuration.resourceLimits,
            engines: stages.engines)
        inbox.readings = StructureReadings(
            spool.blobs, StructureConverter(python: configuration.python), wake: wake)
        try spool.blobs.removeTemporaries()
        try spool.staging.removeTemporaries()
        try spool.outbox.removeTemporaries()
        try spool.rejected.removeTemporaries()
        try folders.removeTemporaries(try store.activeJobs())
        if let why = try Self.unknownJobs(in: spool.outbox, store) {
            foreignTroubles["the store"] = why
            logger.error("\(why)")
        }
        // A daemon that made a folder may have been killed before its name was durable.
        for directory in [spool.state, spool.outbox] { try directory.synchronize() }
    }

    /// Notes that the watcher saw a file being closed in the inbox or renamed into it.
    package func noteClosed(_ name: [UInt8]) { inbox.clock.noteClosed(name) }

    /// Notes whether the watcher is running.
    package func noteWatcher(isAlive: Bool) { isWatched = isAlive }

    /// Sets the upper limits for a job's request of cluster resources.
    package func note(resourceLimits: Resources) { inbox.resources = resourceLimits }

    /// Shows the reason why a change of `engines:` in `aurelax.yaml` was not adopted, among the daemon's
    /// problems.
    package func noteTroubleOfEngines() {
        let trouble = stages.engines.trouble
        if let trouble, foreignTroubles["engines"] != trouble { logger.error("\(trouble)") }
        foreignTroubles["engines"] = trouble
    }

    /// Records the problem of a part of the daemon that works beside the turns; nil means that the part has no
    /// problem.
    package func note(trouble: String?, of part: String) { foreignTroubles[part] = trouble }

    /// Handles every job and every file of the inbox once.
    ///
    /// - Returns: true if all jobs wait for something outside the daemon.
    /// - Throws: an unrecoverable error; the next start of the daemon resumes from the store.
    package func turn() async throws -> Bool {
        if let fatal { throw fatal }
        guard !stopping.isStopping else { return true }
        try failIfStageHangs()
        started = []
        let incoming = try lookIntoInbox()
        try jobs.refresh(from: store)
        let firstEvent = jobs.lastEvent
        let isPoll =
            configuration.once || lastPoll.map { $0.duration(to: .now) >= configuration.interval } ?? true
        if isPoll {
            lastPoll = .now
            polls += 1
        }
        for record in jobs.inTurn where !stopping.isStopping {
            try attempt(record.job.name, about: record) { try advance(record, isPoll: isPoll) }
        }
        await waitBriefly { !started.isDisjoint(with: intakes.jobs) }
        try attempt("the jobs") { try stopUnwantedStages() }
        if try beginPublication(until: stopping) { await waitBriefly { isPublishing } }
        try attempt("the daemon's own file") {
            try showHealth()
            try showInbox()
        }
        if let fatal { throw fatal }
        try jobs.refresh(from: store)
        watch.keepOnly(Set(jobs.inTurn.map(\.id)))
        // Another job may have waited for a job that has changed, so there is another turn.
        if jobs.lastEvent != firstEvent { wake() }
        let canGoOn = try jobs.inTurn.contains { record in
            switch record.machine.state {
            case .running: try !isHandedOut(record)
            case .queued: try isFree(record)
            default: false
            }
        }
        return !canGoOn && running.isEmpty && intakes.jobs.isEmpty && !isPublishing && !incoming.undecided
            && incoming.accepted.isEmpty && incoming.results.isEmpty && !troubles.isPaused()
    }

    private func advance(_ record: JobRecord, isPoll: Bool) throws {
        switch record.machine.state {
        case .queued where !jobs.isBlocked(record.id): try schedule(record)
        case .running:
            guard try isHandedOut(record) else { return launch(record) }
            if isPoll, case .ml(let stage) = record.planned.work {
                lookForResult(of: record, .handedOut(stage))
            }
        case .waitingForDFT where isPoll && isInTurn(record): lookForResult(of: record, .package)
        default: break
        }
    }

    /// Returns true if this poll checks the job's package. If hundreds of packages wait, each poll checks only a part
    /// of them, between one and two hundred, so that its cost stays bounded.
    private func isInTurn(_ record: JobRecord) -> Bool {
        let parts = configuration.once ? 1 : Int64(max(1, jobs.waitingForResults / 100))
        return record.id % parts == polls % parts
    }

    /// Waits for work on other threads, but no longer than other jobs may be delayed.
    private func waitBriefly(while isBusy: () -> Bool) async {
        let end = ContinuousClock.now + configuration.patience
        var pause = Duration.microseconds(500)
        while isBusy(), !stopping.isStopping, ContinuousClock.now < end {
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(20))
        }
    }

    private func lookIntoInbox() throws -> Inbox.Outcome {
        var incoming = Inbox.Outcome()
        guard !troubles.isPaused() else { return incoming }
        try attempt("the inbox") {
            inbox.resultsInHand = intakes.files
            incoming = try inbox.scan()
            report(incoming)
            reportWaiting(incoming)
        }
        if incoming.undecided { lookAgainSoon() }
        for file in incoming.results { try attempt(file.name.escaped) { try lookAtResult(file) } }
        return incoming
    }

    /// Asks for a turn after the settle time, because an incomplete file may be complete then.
    private func lookAgainSoon() {
        guard !willLookAgain else { return }
        willLookAgain = true
        Task {
            try? await Task.sleep(for: configuration.settle)
            willLookAgain = false
            wake()
        }
    }

    /// Runs an action for one subject (a job, the inbox). An error is recorded and does not affect the other
    /// subjects.
    private func attempt(
        _ subject: String, about record: JobRecord? = nil, _ body: () throws -> Void
    ) throws {
        do {
            try body()
            troubles.clear(subject)
        } catch {
            note(error, of: subject, about: record)
            if let fatal { throw fatal }
        }
    }

    func note(_ error: any Error, of subject: String, about record: JobRecord? = nil) {
        if isFatal(error) {
            fatal = fatal ?? error
        } else if troubles.note(error, of: subject, pause: configuration.pause) {
            (record.map(logger.about) ?? logger).error("\(subject): \(error)")
        }
    }

    /// Throws if a stage hangs: a computing thread cannot be ended from outside, so the process ends.
    private func failIfStageHangs() throws {
        for (id, work) in running where work.stop.silence > configuration.stepLimit + work.stop.extraTime {
            throw WorkflowError.stageHangs(job: try store.job(id).job.name, configuration.stepLimit)
        }
    }

    /// Lets every stage stop at its next step, and waits for that, but not longer than the grace time.
    ///
    /// - Returns: false if something is still being computed, read or written.
    @discardableResult
    package func stop() async -> Bool {
        stopping.set()
        intakes.clear()
        for work in running.values { work.stop.set() }
        let end = ContinuousClock.now + configuration.grace
        func wait(while isBusy: () -> Bool) async {
            while isBusy(), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
        }
        await wait { !running.isEmpty || !intakes.jobs.isEmpty || isPublishing }
        if !running.isEmpty {
            logger.warning(
                """
                a step did not end within \(configuration.grace.components.seconds) s; at the next start its stage \
                resumes from the previous step
                """)
        }
        let isOver = StopFlag()
        do {
            if fatal == nil, try beginPublication(until: isOver) { await wait { isPublishing } }
        } catch {
            logger.error("the outbox could not be updated: \(error)")
        }
        isOver.set()
        if isPublishing { logger.warning("the outbox is not up to date; the next start updates it") }
        return running.isEmpty && intakes.jobs.isEmpty && !isPublishing
    }

    // MARK: Turns

    private func isFree(_ record: JobRecord) throws -> Bool {
        guard !jobs.isBlocked(record.id) else { return false }
        guard !record.job.after.isEmpty else { return true }
        let states = try store.states(of: record.job.after)
        return record.job.after.allSatisfy { states[$0] == .completed }
    }

    private func schedule(_ record: JobRecord) throws {
        let states = record.job.after.isEmpty ? [:] : try store.states(of: record.job.after)
        var waiting: [String] = []
        for name in record.job.after {
            switch states[name] {
            case nil: waiting.append("\(name) (not submitted yet)")
            case .completed: continue
            case .failed, .cancelled:
                let end = states[name] == .failed ? "failed" : "was cancelled"
                let why = "it comes after ‘\(name)’, which \(end)"
                try apply(.dependencyLost(why), to: record)
                return
            case .some(let state): waiting.append("\(name) (\(state.rawValue))")
            }
        }
        guard waiting.isEmpty else {
            jobs.block(record.id)
            return try hold(record, waiting)
        }
        guard running.count < configuration.concurrentStages, running[record.id] == nil,
            !troubles.isPaused(), let started = try apply(.start, to: record)
        else { return }
        launch(started)
    }

    /// Shows what a job waits for.
    private func hold(_ record: JobRecord, _ waiting: [String]) throws {
        // A job may wait for hundreds of others: the first three are named.
        let named = waiting.prefix(3).joined(separator: ", ")
        let others = waiting.count > 3 ? " and \(waiting.count - 3) others" : ""
        let why = "waiting for \(named)\(others)"
        guard record.machine.reason != why else { return }
        // Only the first reason is logged; later reasons are only shown in the status.
        if held.insert(record.id).inserted {
            try apply(.held(why), to: record)
        } else {
            try store.show(.held(why), of: record.id)
        }
    }

    /// Starts a thread for a running stage that has none.
    private func launch(_ record: JobRecord) {
        guard running[record.id] == nil, !troubles.isPaused() else { return }
        let stop = StopFlag()
        let stages = stages
        let task = Task {
            let end: StageLauncher.End
            do {
                end = try await stages.run(record, stop: stop)
            } catch {
                end = .failed(error)
            }
            self.ended(record, end)
        }
        running[record.id] = RunningStage(stop: stop, machine: record.machine, task: task)
    }

    private func ended(_ record: JobRecord, _ end: StageLauncher.End) {
        running[record.id] = nil
        defer { wake() }
        do {
            switch end {
            case .finished(let report, let final):
                let digest = try spool.blobs.insert(final)
                try apply(.stageEnded(report.verdict), to: record, ended: (report, digest))
            case .published: try apply(.packagePublished, to: record)
            case .handedOut:
                try apply(.noted("ready for another machine; waiting for its result"), to: record)
            case .stopped:
                // Has no effect if the job has been cancelled, paused or retried meanwhile.
                try apply(.interrupted("stopped with the daemon; resumes from the last step"), to: record)
            case .failed(let error):
                if isFatal(error) { throw error }
                if isPassing(error) {
                    _ = troubles.note(error, of: record.job.name, pause: configuration.pause)
                    try apply(.interrupted("will retry automatically: \(error)"), to: record)
                } else {
                    try apply(.stageFailed(message(of: error), again: false), to: record)
                }
            }
        } catch {
            // The stage keeps its files, and the job its state: the next turn retries it.
            if isFatal(error) || !isPassing(error) { fatal = error }
            _ = troubles.note(error, of: record.job.name, pause: configuration.pause)
        }
    }

    private func message(of error: any Error) -> String {
        if let refusal = error as? HandoffRefusal {
            return
                "no package was made for the dft stage: \(refusal); frames of earlier stages stay in the outbox"
        }
        return "\(error)"
    }

    /// Stops stages that are no longer current because their job was cancelled, paused or retried.
    private func stopUnwantedStages() throws {
        for (id, work) in running where try !work.isStill(store.job(id).machine) { work.stop.set() }
    }

    /// Returns true if the job is at an ML stage whose task is ready for another machine.
    private func isHandedOut(_ record: JobRecord) throws -> Bool {
        guard configuration.handsOutML, record.planned.kind == .ml, running[record.id] == nil else {
            return false
        }
        return try OutsideMLStage.isHandedOut(in: folders.stageDirectory(of: record))
    }

    @discardableResult
    func apply(
        _ event: JobEvent, to record: JobRecord, ended: (report: StageReport, final: Digest)? = nil,
        returned: (digest: Digest, original: Original)? = nil
    ) throws -> JobRecord? {
        let machine = record.machine
        let after = try store.apply(
            event, to: record.id, expected: (machine.stage, machine.attempt), ended: ended, returned: returned
        )
        if let after {
            logger.about(record).info(
                "\(after.job.name): \(after.machine.state.rawValue): \(after.machine.reason)")
        }
        return after
    }
}

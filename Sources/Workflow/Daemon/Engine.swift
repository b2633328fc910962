internal import Atomistics
internal import DurableFiles
internal import ForeignStructures
import Foundation
import Handoff
package import JobSpec
package import Logging
import ModelLibrary
import Relaxation
import SystemPackage

/// Performs the actions that follow from the state of each job. One step, ``turn()``, looks at
/// everything; only the running work is remembered between two steps.
package actor Engine {
    private let spool: OpenSpool
    private let store: Store
    private let configuration: DaemonConfiguration
    private let folders: JobFolder
    private let stages: StageLauncher
    private let logger: Logger
    private var inbox: Inbox
    private var running: [Int64: (stop: StopFlag, task: Task<Void, Never>)] = [:]
    private var fatal: (any Error)?
    private var pending: [String: String] = [:]
    /// The content of the inbox's own file; nil before it was written.
    private var shownInbox: InboxNotes?
    private var troubles = Troubles()
    private var isWatched: Bool?
    /// Problems of other services, by name.
    private var foreignTroubles: [String: String] = [:]
    private var health: DaemonHealth?
    private var willLookAgain = false
    /// Jobs whose logs already say that they wait for others.
    private var held: Set<Int64> = []
    /// Time of the last poll of external jobs: once per interval is enough, whatever wakes the
    /// daemon.
    private var lastLook: ContinuousClock.Instant?
    /// Requests another turn.
    private let wake: @Sendable () -> Void

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
        inbox = Inbox(
            spool, store, settle: configuration.settle, resources: configuration.resourceLimits,
            engines: stages.engines)
        inbox.converter = StructureConverter(python: configuration.python)
        try spool.blobs.removeTemporaries()
        try spool.staging.removeTemporaries()
        try spool.outbox.removeTemporaries()
        try spool.rejected.removeTemporaries()
        try folders.removeTemporaries(try store.activeJobs())
        let unknown = try spool.outbox.names().filter { name in
            guard name != Spool.rejected, let folder = try? spool.outbox.subdirectory(name),
                try folder.status(of: FilePath.Component(plain: JobCopy.file)) != nil
            else { return false }
            return try store.job(named: name.string) == nil
        }
        if !unknown.isEmpty {
            let names = unknown.prefix(3).map { "‘\($0.escaped)’" }.joined(separator: ", ")
            let why =
                "the outbox has jobs that the store does not know: \(names)"
                + (unknown.count > 3 ? " and \(unknown.count - 3) others" : "")
                + " (an older store?); stop the daemon, then `aurelax recover` takes them in"
            foreignTroubles["the store"] = why
            logger.error("\(why)")
        }
        // A process that created a folder may have been killed before its name was durable.
        for directory in [spool.state, spool.outbox] { try directory.synchronize() }
    }

    /// The watcher saw a file being closed or renamed into the inbox.
    package func noteClosed(_ name: [UInt8]) { inbox.clock.noteClosed(name) }

    /// Whether the watcher is running.
    package func noteWatcher(_ isAlive: Bool) { isWatched = isAlive }

    /// New upper limits for a job's request of cluster resources.
    package func note(resourceLimits: Resources) { inbox.resources = resourceLimits }

    /// Shows, with the daemon's other troubles, why a change of `engines:` in `aurelax.yaml` is not followed.
    package func noteTroubleOfEngines() {
        let trouble = stages.engines.trouble
        if let trouble, foreignTroubles["engines"] != trouble { logger.error("\(trouble)") }
        foreignTroubles["engines"] = trouble
    }

    /// A problem of a service that runs beside the turns; nil if it has none.
    package func note(trouble: String?, of part: String) { foreignTroubles[part] = trouble }

    /// Looks at everything once.
    ///
    /// - Returns: true if all progress depends on others.
    /// - Throws: an unrecoverable error; the next start finds all files as they are.
    package func turn() throws -> Bool {
        if let fatal { throw fatal }
        try endWhereAStageHangs()
        let incoming = try lookIntoInbox()
        let looks =
            configuration.once || lastLook.map { $0.duration(to: .now) >= configuration.interval } ?? true
        if looks { lastLook = .now }
        for record in try store.activeJobs() {
            try attempt(record.job.name) {
                switch record.machine.state {
                case .queued: try schedule(record)
                case .running where try isOutside(record): if looks { try lookOutside(for: record) }
                case .running: launch(record)
                case .waitingForDFT where looks: try look(for: record)
                default: break
                }
            }
        }
        try attempt("the jobs") { try stopUnwantedStages() }
        for record in try store.unpublishedJobs() {
            try attempt("outbox/\(record.job.name)") { try publish(record) }
        }
        try attempt("the daemon's own file") {
            try showHealth()
            try showInbox()
        }
        let canGoOn = try store.activeJobs().contains { record in
            switch record.machine.state {
            case .running: try !isOutside(record)
            case .queued: try isFree(record)
            default: false
            }
        }
        return !canGoOn && running.isEmpty && !incoming.undecided && incoming.accepted.isEmpty
            && incoming.results.isEmpty && !troubles.isPaused()
    }

    private func lookIntoInbox() throws -> Inbox.Outcome {
        var incoming = Inbox.Outcome()
        guard !troubles.isPaused() else { return incoming }
        try attempt("the inbox") {
            incoming = try inbox.scan()
            report(incoming)
        }
        if incoming.undecided { lookAgainSoon() }
        for file in incoming.results { try attempt(file.name.escaped) { try takeResult(file) } }
        return incoming
    }

    /// An incomplete file may be complete after the settle time.
    private func lookAgainSoon() {
        guard !willLookAgain else { return }
        willLookAgain = true
        Task {
            try? await Task.sleep(for: configuration.settle)
            willLookAgain = false
            wake()
        }
    }

    /// Runs the action, and remembers its error: a problem of one job does not affect the others.
    private func attempt(_ subject: String, _ body: () throws -> Void) throws {
        do {
            try body()
            troubles.clear(subject)
        } catch {
            if isFatal(error) { throw error }
            if troubles.note(error, of: subject, pause: configuration.pause) {
                logger.error("\(subject): \(error)")
            }
        }
    }

    /// A computing thread cannot be ended from outside; the process can.
    private func endWhereAStageHangs() throws {
        for (id, work) in running where work.stop.silence > configuration.stepLimit + work.stop.extraTime {
            throw WorkflowError.stageHangs(job: try store.job(id).job.name, configuration.stepLimit)
        }
    }

    /// The numbers of jobs by state, for the service manager.
    package func summary() throws -> String {
        let active = try store.counts()
        let parts = JobState.allCases.filter { !$0.isFinal }
            .compactMap { state in active[state].map { "\($0) \(state.rawValue)" } }
        return (parts.isEmpty ? "idle" : parts.joined(separator: ", "))
            + (troubles.texts.first.map { "; degraded: \($0)" } ?? (isWatched == false ? "; no watcher" : ""))
    }

    /// Writes the state of the daemon.
    private func showHealth() throws {
        let watcher =
            isWatched == false
            ? ["no watcher: the inbox is looked at every \(configuration.interval) only"] : []
        let now = DaemonHealth(
            process: ProcessInfo.processInfo.processIdentifier,
            degraded: watcher + troubles.texts + foreignTroubles.values.sorted())
        guard now != health else { return }
        try spool.state.replace(FilePath.Component(plain: DaemonHealth.file), try json(now), mode: 0o600)
        health = now
    }

    /// Lets every stage stop at its next step, and waits for it at most for the grace time.
    package func stop() async {
        for work in running.values { work.stop.set() }
        let end = ContinuousClock.now + configuration.grace
        while !running.isEmpty, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
        if !running.isEmpty {
            logger.warning("a step takes too long; its stage resumes from the previous step")
        }
        guard fatal == nil else { return }
        do {
            for record in try store.unpublishedJobs() { try publish(record) }
        } catch {
            logger.error("the outbox could not be brought up to date: \(error)")
        }
    }

    private func report(_ incoming: Inbox.Outcome) {
        for record in incoming.accepted { logger.info("\(record.job.name): accepted") }
        for name in incoming.rejected { logger.warning("rejected: outbox/rejected/\(name)") }
        let waiting = incoming.pending.merging(incoming.notes) { pending, _ in pending }
        for (name, why) in waiting where pending[name] != why {
            logger.info("inbox/\(name): \(why)")
        }
        pending = waiting
    }

    /// Writes the reasons why files of the inbox wait.
    private func showInbox() throws {
        let notes = InboxNotes(pending)
        guard notes != shownInbox else { return }
        try spool.state.replace(InboxNotes.file, try json(notes), mode: 0o600)
        shownInbox = notes
    }

    // MARK: Turns

    private func isFree(_ record: JobRecord) throws -> Bool {
        guard !record.job.after.isEmpty else { return true }
        let states = try store.states(of: record.job.after)
        return record.job.after.allSatisfy { states[$0] == .completed }
    }

    private func schedule(_ record: JobRecord) throws {
        let states = record.job.after.isEmpty ? [:] : try store.states(of: record.job.after)
        var waiting: [String] = []
        for name in record.job.after {
            switch states[name] {
            case nil: waiting.append("\(name) (not here yet)")
            case .completed: continue
            case .failed, .cancelled:
                let why = "it comes after ‘\(name)’, which is \(states[name]?.rawValue ?? "gone")"
                try apply(.dependencyLost(why), to: record)
                return
            case .some(let state): waiting.append("\(name) (\(state.rawValue))")
            }
        }
        guard waiting.isEmpty else {
            // Three are named and the others counted, so that the line stays readable.
            let named = waiting.prefix(3).joined(separator: ", ")
            let others = waiting.count > 3 ? " and \(waiting.count - 3) others" : ""
            let why = "waiting for \(named)\(others)"
            guard record.machine.reason != why else { return }
            // The first reason is an entry of the log; later changes appear only in the status.
            if held.insert(record.id).inserted {
                try apply(.held(why), to: record)
            } else {
                try store.show(.held(why), of: record.id)
            }
            return
        }
        guard running.count < configuration.concurrentStages, running[record.id] == nil,
            !troubles.isPaused(),
            let started = try apply(.start, to: record)
        else { return }
        launch(started)
    }

    /// Starts the thread of a running stage if it has none.
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
        running[record.id] = (stop, task)
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
                try apply(.interrupted("stopped with the daemon; resumes from its last step"), to: record)
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
            return "the structure was not handed off: \(refusal); its best frame is kept"
        }
        return "\(error)"
    }

    private func stopUnwantedStages() throws {
        for (id, work) in running where try store.job(id).machine.state != .running { work.stop.set() }
    }

    // MARK: Results

    /// The job is at an ML stage whose task was handed out to another machine.
    private func isOutside(_ record: JobRecord) throws -> Bool {
        guard configuration.handsOutML, record.planned.kind == .ml, running[record.id] == nil else {
            return false
        }
        return try OutsideMLStage.isHandedOut(in: folders.stageDirectory(of: record))
    }

    /// Takes in the result of an ML stage from another machine, or shows its progress.
    private func lookOutside(for record: JobRecord) throws {
        guard case .ml(let stage) = record.planned.work else { return }
        do {
            guard let (report, final) = try stages.outsideResult(of: record, stage) else {
                return try follow(record)
            }
            let digest = try spool.blobs.insert(final)
            try apply(.stageEnded(report.verdict), to: record, ended: (report, digest))
        } catch let failure as StageFailure {
            // The files stay; another attempt has a new folder.
            try apply(.stageFailed("the result was refused: \(failure)", again: true), to: record)
        }
    }

    private func look(for record: JobRecord) throws {
        guard let stage = stages.outside(record) else { return }
        let folder = try folders.directory(of: record)
        do {
            guard let end = try stage.end(in: folder, initial: { try stages.initial(of: record) }) else {
                try follow(record)
                return
            }
            try take(end, record)
        } catch let refusal as ResultRefusal {
            let times = try setAside(folder, stage.package, refusal)
            let reason = "the result was set aside: \(refusal)"
            // A new run of the package would repeat the same result.
            try apply(
                times < JobMachine.maximumAttempts
                    ? .resultRefused(reason)
                    : .stageFailed("\(reason); so were \(times - 1) before", again: false),
                to: record)
        } catch let refusal as PackageRefusal {
            // The files are not those that were handed out, or cannot be read: they stay, and are
            // ignored.
            try apply(.resultRefused("no result is accepted from this package: \(refusal)"), to: record)
        } catch let failure as StageFailure {
            try apply(.stageFailed(failure.description, again: false), to: record)
        } catch {
            if !isFatal(error), !isPassing(error) {
                try apply(.resultRefused("the result cannot be read: \(error)"), to: record)
            }
            throw error
        }
    }

    /// Shows the progress of a calculation.
    private func follow(_ record: JobRecord) throws {
        let status = JobStatus(record, in: spool.spool)
        guard status.step != record.step || status.fmax != record.fmax else { return }
        try store.progress(of: record.id, step: status.step, fmax: status.fmax)
    }

    private func takeResult(_ file: Inbox.DroppedFile) throws {
        guard let record = try store.job(named: file.job), record.machine.state == .waitingForDFT,
            let stage = stages.outside(record)
        else { return report(try inbox.setAside(file, "no job ‘\(file.job)’ waits for a result")) }
        guard try !store.wasReturned(file.claim.digest, to: record.id) else {
            return report(try inbox.setAside(file, "the same result was taken in before"))
        }
        do {
            let end = try stage.end(dropped: file.bytes, in: folders.directory(of: record)) {
                try stages.initial(of: record)
            }
            try take(end, record, from: file)
            try inbox.removeOriginals(from: spool.openInbox())
        } catch {
            if isFatal(error) || isPassing(error) { throw error }
            report(try inbox.setAside(file, "it was not accepted: \(error)"))
            try apply(.resultRefused("\(file.name.escaped) was not accepted: \(error)"), to: record)
        }
    }

    private func take(
        _ end: OutsideEnd, _ record: JobRecord, from file: Inbox.DroppedFile? = nil
    ) throws {
        guard case .report(let reported, let final) = end else {
            if case .nothing(let why) = end {
                try apply(
                    .stageFailed("the calculation gave no geometry: \(why)", again: false), to: record)
            }
            return
        }
        var report = reported
        let next = try record.planned.round.flatMap { try decide($0, record, &report, final) }
        let digest = try spool.blobs.insert(final)
        try apply(
            .resultAccepted(report.verdict, next: next), to: record, ended: (report, digest),
            returned: file.map { ($0.claim.digest, $0.original) })
    }

    /// Decides the step after a check of a hybrid stage and records it in the report.
    ///
    /// - Returns: the following stage, if it is not the next one.
    private func decide(
        _ round: PlannedStage.Round, _ record: JobRecord, _ report: inout StageReport, _ final: [UInt8]
    ) throws -> Int? {
        (report.modelError, report.firstModelError) = try stages.modelErrors(round, in: record, final: final)
        let earlier = try store.stages(of: record.id).filter { round.stages.contains($0.stage) }
            .filter { $0.report.kind == .dft }.map { HybridCheck($0.stage, $0.report) }
        let decision = HybridDecision(
            after: earlier + [HybridCheck(record.machine.stage, report)],
            isConverged: report.verdict.converged,
            mlFmax: round.settings.ml.fmax, rounds: round.settings.rounds,
            maxGradientCalls: round.settings.maxGradientCalls, learns: round.settings.learn)
        report.decision = decision.reason
        report.verdict.text = decision.reason
        guard case .finish(let stage, _) = decision else { return nil }
        if stage != record.machine.stage { report.goesBackTo = stage }
        return round.stages.upperBound
    }

    /// - Returns: number of results of this package that have been set aside so far.
    private func setAside(
        _ folder: Directory, _ package: OutsidePackage, _ refusal: ResultRefusal
    ) throws -> Int {
        let package = try folder.subdirectory(package.place.name)
        for number in 1... {
            let name = FilePath.Component(plain: number == 1 ? "result.refused" : "result.refused.\(number)")
            guard try package.status(of: name) == nil else { continue }
            try package.subdirectory(PackageLayout.result).replace(
                "REFUSED.txt", Array("\(refusal)\n".utf8))
            try package.move(PackageLayout.result, to: name, in: package)
            try package.synchronize()
            return number
        }
        preconditionFailure("there is always a next number")
    }

    // MARK: Shared

    @discardableResult
    private func apply(
        _ event: JobEvent, to record: JobRecord, ended: (report: StageReport, final: Digest)? = nil,
        returned: (digest: Digest, original: Original)? = nil
    ) throws -> JobRecord? {
        let machine = record.machine
        let after = try store.apply(
            event, to: record.id, expected: (machine.stage, machine.attempt), ended: ended, returned: returned
        )
        if let after {
            logger.info("\(after.job.name): \(after.machine.state.rawValue): \(after.machine.reason)")
        }
        return after
    }

    private func publish(_ record: JobRecord) throws {
        try folders.publish(record)
        try stages.outside(record)?.package.withdraw(in: folders.directory(of: record))
    }
}

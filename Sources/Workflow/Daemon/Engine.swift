import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import Logging
import ModelLibrary
import SystemPackage

/// Does what the state of each job asks for. One step, ``turn()``, looks at everything; nothing is remembered
/// between two steps but what is running right now.
actor Engine {
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

    init(_ spool: OpenSpool, _ store: Store, _ configuration: DaemonConfiguration, _ logger: Logger) throws {
        self.spool = spool
        self.store = store
        self.configuration = configuration
        self.logger = logger
        folders = JobFolder(spool, store)
        stages = StageLauncher(spool, store, modelPath: configuration.modelPath)
        inbox = Inbox(spool, store, settle: configuration.settle)
        try spool.blobs.removeTemporaries()
    }

    /// The watcher saw a file being closed or renamed into the inbox.
    func noteClosed(_ name: [UInt8]) { inbox.clock.noteClosed(name) }

    /// Looks at everything once.
    ///
    /// - Returns: true where only others can bring anything forward.
    /// - Throws: what cannot be worked on with; the next start finds everything as it is.
    func turn() throws -> Bool {
        if let fatal { throw fatal }
        let incoming = try inbox.scan()
        report(incoming)
        for (job, bytes) in incoming.results { try takeResult(bytes, of: job) }

        let active = try store.activeJobs()
        for record in active {
            switch record.machine.state {
            case .queued: try schedule(record)
            case .running: launch(record)
            case .waitingForDFT: try look(for: record)
            default: break
            }
        }
        try stopWhatIsNotWanted()
        for record in try store.unpublishedJobs() { try publish(record) }
        let canGoOn = try store.activeJobs().contains { record in
            record.machine.state == .running || (record.machine.state == .queued && isFree(record))
        }
        return !canGoOn && running.isEmpty && !incoming.undecided && incoming.accepted.isEmpty
    }

    /// Lets every stage stop at its next step, and waits for it.
    func stop() async {
        for work in running.values { work.stop.set() }
        for work in running.values { await work.task.value }
        do {
            for record in try store.unpublishedJobs() { try publish(record) }
        } catch {
            logger.error("the outbox could not be brought up to date: \(error)")
        }
    }

    private func report(_ incoming: Inbox.Outcome) {
        for record in incoming.accepted { logger.info("\(record.job.name): accepted") }
        for name in incoming.rejected { logger.warning("rejected: outbox/rejected/\(name)") }
        for (name, why) in incoming.pending where pending[name] != why {
            logger.info("inbox/\(name): \(why)")
        }
        pending = incoming.pending
    }

    // MARK: Turns

    private func isFree(_ record: JobRecord) -> Bool {
        record.job.after.allSatisfy { name in
            (try? store.job(named: name))?.machine.state == .completed
        }
    }

    private func schedule(_ record: JobRecord) throws {
        var waiting: [String] = []
        for name in record.job.after {
            guard let other = try store.job(named: name) else {
                waiting.append("\(name) (not here yet)")
                continue
            }
            switch other.machine.state {
            case .completed: continue
            case .failed, .cancelled:
                let why = "it comes after ‘\(name)’, which is \(other.machine.state.rawValue)"
                try apply(.dependencyLost(why), to: record)
                return
            default: waiting.append("\(name) (\(other.machine.state.rawValue))")
            }
        }
        guard waiting.isEmpty else {
            try apply(.held("waiting for \(waiting.joined(separator: ", "))"), to: record)
            return
        }
        guard running.count < configuration.concurrentStages, running[record.id] == nil,
            let started = try apply(.start, to: record)
        else { return }
        launch(started)
    }

    /// Gives a running stage the thread it needs, where it has none.
    private func launch(_ record: JobRecord) {
        guard running[record.id] == nil else { return }
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
        do {
            switch end {
            case .finished(let report, let final):
                let digest = try spool.blobs.insert(final)
                try apply(.stageEnded(report.verdict), to: record, ended: (report, digest))
            case .published: try apply(.packagePublished, to: record)
            case .stopped:
                try apply(.interrupted("stopped with the daemon; it goes on from where it was"), to: record)
            case .failed(let error):
                if let error = error as? FileError, error.isFatal { throw error }
                let again = (error as? FileError)?.isTransient ?? false
                try apply(.stageFailed(message(of: error), again: again), to: record)
            }
        } catch {
            fatal = error
        }
    }

    private func message(of error: any Error) -> String {
        if let refusal = error as? HandoffRefusal {
            return "the structure was not handed off: \(refusal); its best frame is kept"
        }
        return "\(error)"
    }

    private func stopWhatIsNotWanted() throws {
        for (id, work) in running where try store.job(id).machine.state != .running { work.stop.set() }
    }

    // MARK: Results

    private func look(for record: JobRecord) throws {
        guard case .dft(let stage) = record.job.stages[record.machine.stage] else { return }
        let run = DFTStageRun(store: store, spool: spool, record: record, stage: stage)
        let folder = try folders.directory(of: record)
        do {
            guard let result = try run.result(in: folder) else {
                try follow(record)
                return
            }
            try take(result, run, record)
        } catch let refusal as ResultRefusal {
            try setAside(folder, run)
            try apply(.resultRefused("the result was set aside: \(refusal)"), to: record)
        } catch let refusal as PackageRefusal {
            try apply(.resultRefused("the package has been changed: \(refusal)"), to: record)
        } catch let failure as StageFailure {
            try apply(.stageFailed(failure.description, again: false), to: record)
        }
    }

    /// Shows how far a calculation is that somebody runs.
    private func follow(_ record: JobRecord) throws {
        let status = JobStatus(record, in: spool.spool)
        guard status.step != record.step || status.fmax != record.fmax else { return }
        try store.progress(of: record.id, step: status.step, fmax: status.fmax)
    }

    private func takeResult(_ bytes: [UInt8], of name: String) throws {
        let file = "\(name).result.extxyz"
        let inbox = try spool.openInbox()
        guard let component = FilePath.Component(file) else { return }
        defer { try? inbox.remove(component) }
        guard let record = try store.job(named: name), record.machine.state == .waitingForDFT,
            case .dft(let stage) = record.job.stages[record.machine.stage]
        else {
            logger.warning("\(file): no job of that name waits for a result; removed from the inbox")
            return
        }
        let run = DFTStageRun(store: store, spool: spool, record: record, stage: stage)
        do {
            let result = try run.result(dropped: bytes, in: folders.directory(of: record))
            try take(result, run, record)
        } catch let refusal as ResultRefusal {
            try apply(.resultRefused("\(file) was not taken: \(refusal)"), to: record)
        }
    }

    private func take(_ result: ReturnedResult, _ run: DFTStageRun, _ record: JobRecord) throws {
        let initial = try stages.initial(of: record)
        guard let (report, final) = run.report(result, initial: initial) else {
            try apply(
                .stageFailed("the calculation gave no geometry: \(result.message)", again: false), to: record)
            return
        }
        let digest = try spool.blobs.insert(final)
        try apply(.resultAccepted(report.verdict), to: record, ended: (report, digest))
    }

    private func setAside(_ folder: Directory, _ run: DFTStageRun) throws {
        let package = try folder.subdirectory(FilePath.Component(plain: run.folderName))
        for number in 1... {
            let name = FilePath.Component(plain: number == 1 ? "result.refused" : "result.refused.\(number)")
            guard try package.status(of: name) == nil else { continue }
            try package.move("result", to: name, in: package)
            try package.synchronize()
            return
        }
    }

    // MARK: Shared

    @discardableResult
    private func apply(
        _ event: JobEvent, to record: JobRecord, ended: (report: StageReport, final: Digest)? = nil
    ) throws -> JobRecord? {
        let machine = record.machine
        let after = try store.apply(
            event, to: record.id, expected: (machine.stage, machine.attempt), ended: ended)
        if let after {
            logger.info("\(after.job.name): \(after.machine.state.rawValue): \(after.machine.reason)")
        }
        return after
    }

    private func publish(_ record: JobRecord) throws {
        try folders.publish(record)
        if record.machine.state == .cancelled,
            case .dft(let stage) = record.job.stages[record.machine.stage]
        {
            try DFTStageRun(store: store, spool: spool, record: record, stage: stage)
                .withdraw(in: folders.directory(of: record))
        }
    }
}

internal import DurableFiles
internal import JobSpec

/// The intake of returned results: the order in which they are read, and the actions that follow.
extension Engine {
    /// The queue of results to be read. Small and large results have a thread each, so that a large result does not
    /// delay small ones, and two large results are never in memory at the same time.
    struct Intakes {
        enum Lane: CaseIterable { case small, large }

        private var queues: [Lane: [ResultIntake.Work]] = [:]
        private var busy: Set<Lane> = []
        /// Jobs whose result is queued or being read.
        private(set) var jobs: Set<Int64> = []
        /// Names of the dropped files whose results are queued or being read.
        private(set) var files: Set<[UInt8]> = []

        /// Results larger than this, in bytes, count as large.
        private static let small = 32 << 20

        /// Adds a result.
        ///
        /// - Returns: the lane if its thread has to be started; nil if the thread is running already.
        mutating func add(_ work: ResultIntake.Work) -> Lane? {
            jobs.insert(work.record.id)
            var size = work.signs?.size ?? 0
            if case .dropped(let file) = work.source {
                files.insert(file.name.bytes)
                size = file.claim.size
            }
            let lane = size > Self.small ? Lane.large : .small
            queues[lane, default: []].append(work)
            return busy.insert(lane).inserted ? lane : nil
        }

        /// Takes the next result of a lane; if there is none, returns nil and marks the lane as idle.
        mutating func next(_ lane: Lane) -> ResultIntake.Work? {
            guard let first = queues[lane]?.first else {
                busy.remove(lane)
                return nil
            }
            queues[lane]?.removeFirst()
            return first
        }

        mutating func finish(_ work: ResultIntake.Work) {
            jobs.remove(work.record.id)
            if case .dropped(let file) = work.source { files.remove(file.name.bytes) }
        }

        /// Removes all queued results.
        mutating func clear() {
            for work in queues.values.joined() { finish(work) }
            queues = [:]
        }
    }

    /// Starts reading the result of the job's current stage, if the stage's files have changed or a failed
    /// reading is due for a retry.
    func lookForResult(of record: JobRecord, _ source: ResultIntake.Work.Source) {
        guard !intakes.jobs.contains(record.id) else { return }
        let signs = PackageWatch.Signs(of: record, in: spool.outbox)
        guard watch.isDue(record.id, signs) else { return }
        begin(ResultIntake.Work(record: record, source: source, signs: signs))
    }

    /// Starts reading a result that was dropped into the inbox.
    func lookAtResult(_ file: Inbox.DroppedFile) throws {
        guard let record = try store.job(named: file.job) else {
            return report(try inbox.setAside(file, "no job ‘\(file.job)’ waits for a result"))
        }
        guard record.machine.state == .waitingForDFT, stages.outside(record) != nil else {
            return try setAside(
                file, "the job does not wait for a result: it is \(record.machine.state.rawValue)", record)
        }
        guard try !store.wasReturned(file.claim.digest, to: record.id) else {
            return try setAside(file, "the same result was taken in before", record)
        }
        guard !intakes.jobs.contains(record.id) else { return }
        begin(ResultIntake.Work(record: record, source: .dropped(file)))
    }

    /// Sets aside a result without reading it, and notes this in the job's log.
    private func setAside(_ file: Inbox.DroppedFile, _ why: String, _ record: JobRecord) throws {
        report(try inbox.setAside(file, why))
        try store.note("\(file.name.escaped) was set aside: \(why)", of: record.id)
    }

    private func begin(_ work: ResultIntake.Work) {
        started.insert(work.record.id)
        guard let lane = intakes.add(work) else { return }
        Task { await run(lane) }
    }

    private func run(_ lane: Intakes.Lane) async {
        while let work = intakes.next(lane) {
            let intake = intake
            let found: ResultIntake.Found
            do {
                found = try await onOwnThread { intake.look(at: work) }
            } catch {
                found = .failed(error)
            }
            intakes.finish(work)
            took(found, work)
        }
        wake()
    }

    private func took(_ found: ResultIntake.Found, _ work: ResultIntake.Work) {
        var subject = work.record.job.name
        if case .dropped(let file) = work.source { subject = file.name.escaped }
        do {
            try act(on: found, work)
            troubles.clear(subject)
        } catch {
            note(error, of: subject, about: work.record)
        }
    }

    private func act(on found: ResultIntake.Found, _ work: ResultIntake.Work) throws {
        let record = work.record
        switch found {
        case .nothing(let step, let fmax):
            if watch.noteNothing(record.id, work.signs) {
                try apply(.noted(JobMachine.packageIsReady), to: record)
            }
            guard step != record.step || fmax != record.fmax else { return }
            try store.progress(of: record.id, step: step, fmax: fmax)
        case .event(let event, let ended):
            guard case .dropped(let file) = work.source else {
                try apply(event, to: record, ended: ended)
                return
            }
            try apply(event, to: record, ended: ended, returned: (file.claim.digest, file.original))
            try inbox.removeOriginals(from: spool.openInbox())
        case .leftAlone(let why):
            watch.noteFailure(record.id, work.signs)
            try apply(.resultRefused(why), to: record)
        case .refused(let why):
            guard case .dropped(let file) = work.source else { return }
            report(try inbox.setAside(file, why))
            try apply(.resultRefused("\(file.name.escaped) was not taken in: \(why)"), to: record)
        case .failed(let error):
            if !isPassing(error) { watch.noteFailure(record.id, work.signs) }
            throw error
        }
    }
}

internal import DurableFiles
import Foundation
import Handoff
internal import JobSpec
internal import Logging
internal import Slurm

/// Work that needs no poll of the queue: requests of users, and new packages.
extension SlurmFollower {
    /// Handles requests of users and submits new packages.
    package func tend() async throws {
        // A controller that does not answer is queried only by polls.
        guard failures == 0 else { return }
        for record in try store.slurmRunsToHeed() { try await heed(record) }
        guard ContinuousClock.now >= submitAfter else { return }
        let (jobs, queued) = try store.jobsToSubmit()
        var count = queued
        postponed = postponed.filter { $0.value > .now }
        for job in jobs where postponed[job.id] == nil {
            guard count < settings.maxQueued else {
                let full = "waits until fewer than \(settings.maxQueued) jobs of this spool are in the queue"
                if job.machine.reason != full {
                    _ = try store.apply(
                        .noted(full), to: job.id, expected: (job.machine.stage, job.machine.attempt))
                }
                continue
            }
            guard configuration.executor(of: job.planned.kind) == .slurm,
                let package = try package(of: job), try !package.hasResult
            else { continue }
            let runs = try store.slurmRuns(
                of: job.id, stage: job.machine.stage, attempt: job.machine.attempt)
            // The number grows only if the last run has ended (so it reached the queue) and was not a part of an
            // array.
            let number =
                runs.last.map { $0.run.number + ($0.run.end == nil || $0.run.array != nil ? 0 : 1) } ?? 1
            let request =
                try runs.last.map { $0.run.next ?? $0.run.request }
                ?? self.request(for: job, atoms: package.atoms)
            let room = settings.maxQueued - count
            count += try await submit(
                job, package, request, number: number, room: room, isFirst: runs.isEmpty)
            guard ContinuousClock.now >= submitAfter, !Task.isCancelled else { return }
        }
    }

    /// Adjusts the run of a cancelled, paused or resumed job.
    private func heed(_ record: SlurmRunRecord) async throws {
        let job = try store.job(record.job)
        var changed = record
        let isOver = !isCurrent(record, of: job) || job.machine.state.isFinal
        guard let id = record.run.id, record.run.phase != .ended else {
            if isOver, record.run.phase == .ended { try close(record) }
            return
        }
        if isOver {
            // A run whose result was taken in ends by itself.
            let isUnwanted = job.machine.state == .cancelled || job.machine.state == .failed
            guard isUnwanted, !record.run.isWithdrawn else { return }
            changed.run.isWithdrawn = try await attempt { try await self.commands.cancel([id]) }
        } else if job.machine.state == .paused, !record.run.isHeld {
            changed.run.isHeld = try await attempt {
                // Running elements of an array are not stopped: each computes one point, which is one step.
                let isRunning = record.run.phase == .running
                if let tally = record.run.tally, isRunning, tally.pending == 0 { return }
                if isRunning, record.run.array == nil {
                    try await self.commands.stop(id)
                } else {
                    try await self.commands.hold(id)
                }
            }
        } else if [.waitingForDFT, .running].contains(job.machine.state), record.run.isHeld {
            let isReleased = try await attempt {
                if record.run.phase == .pending || (record.run.tally?.pending ?? 0) > 0 {
                    try await self.commands.release(id)
                }
            }
            changed.run.isHeld = !isReleased
        }
        if changed != record { try store.save([changed]) }
    }

    private func request(for job: JobRecord, atoms: Int) -> SlurmResources {
        switch job.planned.work {
        case .dft(let stage): settings.resources(for: stage, atoms: atoms)
        case .singlePoints(let stage): settings.resources(for: stage.calculation, atoms: atoms)
        case .ml: settings.resources(for: configuration.ml, atoms: atoms)
        }
    }

    /// Submits a package to Slurm.
    ///
    /// - Parameter room: largest number of array elements; nil for as many as the queue has free places.
    /// - Returns: number of Slurm jobs added to the queue.
    @discardableResult
    func submit(
        _ job: JobRecord, _ package: PackageFolder, _ request: SlurmResources, number: Int, room: Int? = nil,
        isFirst: Bool = false
    ) async throws -> Int {
        let machine = job.machine
        let place = (machine.stage, machine.attempt)
        let excesses = settings.resubmission.limits.excesses(of: request)
        guard excesses.isEmpty else {
            let why = "not submitted: the stage requests \(excesses.joined(separator: "; ")) (aurelax.yaml)"
            _ = try store.apply(.stageFailed(why, again: false), to: job.id, expected: place)
            return 0
        }
        // Only files that the daemon published are run; this includes the package's launcher.
        if job.planned.kind != .ml {
            do {
                _ = try PackageCheck.verify(package.directory) { try store.isPublished($0) }
            } catch let refusal as PackageRefusal {
                let why = "not submitted: the package has been changed: \(refusal)"
                logger.about(job).error("\(job.job.name): \(why)")
                _ = try store.apply(.stageFailed(why, again: false), to: job.id, expected: place)
                return 0
            }
        }
        // A rebuilt store does not know the submissions that the previous store recorded.
        let former = isFirst ? try package.current : nil
        let name =
            former ?? "aurelax-\(job.job.name)-\(machine.stage + 1)-\(machine.attempt)-\(number)-\(token())"
        let free = try room ?? max(1, settings.maxQueued - store.jobsToSubmit().queued)
        // Which points a submission of the previous store computes is unknown: it may be all of them.
        let array = try package.points.map { total in
            guard former == nil else { return RunArray(elements: Array(1...total), total: total) }
            // If all points exist but have not been combined, the run of the last point combines them.
            let missing = try package.missingPoints.prefix(free)
            return RunArray(elements: missing.isEmpty ? [total] : Array(missing), total: total)
        }
        var record = SlurmRunRecord(
            job: job.id, stage: machine.stage, attempt: machine.attempt,
            run: SlurmRun(
                name: name, number: number, request: request, stepsBefore: package.steps, array: array,
                intendedAt: Date()))
        if former != nil {
            record.run.doubt("a run of this name was submitted before the store was rebuilt", at: Date())
            try store.save([record])
            return record.run.jobs
        }
        var batch = batchJob(job, package, request, name: name, number: number)
        batch.array = array.map { .init(elements: $0.elements, throttle: settings.arrayThrottle) }
        try package.prepare(batch)
        try store.save([record])
        switch await commands.submit(batch) {
        case .accepted(let id):
            record.run.accept(id: id)
            try store.save([record])
            let kind = array.map { "array \(id), \($0.elements.count) of \($0.total) points" } ?? "job \(id)"
            let asked = "submitted as Slurm \(kind)" + (number > 1 ? " (run \(number))" : "")
            logger.about(job).info("\(job.job.name): \(asked)")
            _ = try store.apply(.noted(asked), to: job.id, expected: place)
        case .doubtful(let why):
            record.run.doubt(why, at: Date())
            try store.save([record])
            logger.about(job).warning(
                "\(job.job.name): it is not known whether \(name) is in the queue: \(why)")
            submitAfter = .now + .seconds(settings.interval)
        case .notRun(let why):
            try close(record)
            submitAfter = .now + .seconds(10 * settings.interval)
            logger.about(job).error("\(job.job.name): not submitted: \(why)")
            _ = try store.apply(.noted("not submitted yet: \(why)"), to: job.id, expected: place)
            return 0
        case .later(let why):
            try close(record)
            // Slurm may still accept other jobs.
            postponed[job.id] = .now + .seconds(10 * settings.interval)
            _ = try store.apply(
                .noted("Slurm cannot accept it now; it will be submitted again later: \(why)"), to: job.id,
                expected: place)
            return 0
        case .refused(let why):
            try close(record)
            _ = try store.apply(
                .stageFailed("Slurm refused the job: \(why)", again: false), to: job.id, expected: place)
            return 0
        }
        return record.run.jobs
    }

    private func batchJob(
        _ job: JobRecord, _ package: PackageFolder, _ request: SlurmResources, name: String, number: Int
    ) -> BatchJob {
        var environment: [String: String] = [:]
        environment["AURELAX_PYTHON"] = configuration.python
        environment["AURELAX_MPIEXEC"] = configuration.mpiexec
        // The program for ML stages and for steering learning relaxations.
        environment["AURELAX_PROGRAM"] = configuration.ml.program ?? program
        let place = "stage=\(job.machine.stage + 1),attempt=\(job.machine.attempt),run=\(number)"
        return BatchJob(
            name: name, comment: "aurelax:job=\(job.job.name),\(place)", folder: package.path,
            resources: request, warning: settings.warning, setup: settings.setup, environment: environment,
            options: settings.options)
    }
}

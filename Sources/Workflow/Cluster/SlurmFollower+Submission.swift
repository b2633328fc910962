internal import DurableFiles
import Foundation
internal import JobSpec
internal import Logging
internal import Slurm

/// What needs no look at the queue: wishes of persons, and new packages.
extension SlurmFollower {
    /// Does what needs no look at the queue: what persons asked for, and new packages.
    package func tend() async throws {
        // A controller that does not answer is asked by looking alone.
        guard failures == 0 else { return }
        for record in try store.slurmRunsToHeed() { try await heed(record) }
        guard ContinuousClock.now >= submitAfter else { return }
        let (jobs, queued) = try store.jobsToSubmit()
        var count = queued
        for job in jobs {
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
            // One that never reached the queue does not count.
            let number = runs.last.map { $0.run.number + ($0.run.end == nil ? 0 : 1) } ?? 1
            let request =
                try runs.last.map { $0.run.next ?? $0.run.request }
                ?? self.request(for: job, atoms: package.atoms)
            try await submit(job, package, request, number: number, isFirst: runs.isEmpty)
            count += 1
            guard ContinuousClock.now >= submitAfter, !Task.isCancelled else { return }
        }
    }

    /// Brings a cancelled, paused or resumed job's run where the job is.
    private func heed(_ record: SlurmRunRecord) async throws {
        let job = try store.job(record.job)
        var changed = record
        let isOver = !isCurrent(record, of: job) || job.machine.state.isFinal
        guard let id = record.run.id, record.run.phase != .ended else {
            if isOver, record.run.phase == .ended { try close(record) }
            return
        }
        if isOver {
            // A run whose result was taken ends by itself.
            let isUnwanted = job.machine.state == .cancelled || job.machine.state == .failed
            guard isUnwanted, !record.run.isWithdrawn else { return }
            changed.run.isWithdrawn = try await attempt { try await self.commands.cancel([id]) }
        } else if job.machine.state == .paused, !record.run.isHeld {
            changed.run.isHeld = try await attempt {
                if record.run.phase == .running {
                    try await self.commands.stop(id)
                } else {
                    try await self.commands.hold(id)
                }
            }
        } else if [.waitingForDFT, .running].contains(job.machine.state), record.run.isHeld {
            let isReleased = try await attempt {
                if record.run.phase == .pending { try await self.commands.release(id) }
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

    func submit(
        _ job: JobRecord, _ package: PackageFolder, _ request: SlurmResources, number: Int,
        isFirst: Bool = false
    ) async throws {
        let machine = job.machine
        let place = (machine.stage, machine.attempt)
        let excesses = settings.resubmission.limits.excesses(of: request)
        guard excesses.isEmpty else {
            let why = "not submitted: it asks for \(excesses.joined(separator: "; ")) (aurelax.yaml)"
            _ = try store.apply(.stageFailed(why, again: false), to: job.id, expected: place)
            return
        }
        // A store that was rebuilt does not know what the one before had submitted.
        let former = isFirst ? try package.current : nil
        let name =
            former ?? "aurelax-\(job.job.name)-\(machine.stage + 1)-\(machine.attempt)-\(number)-\(token())"
        var record = SlurmRunRecord(
            job: job.id, stage: machine.stage, attempt: machine.attempt,
            run: SlurmRun(
                name: name, number: number, request: request, stepsBefore: package.steps, intendedAt: Date()))
        if former != nil {
            record.run.doubt("an earlier store had submitted it", at: Date())
            return try store.save([record])
        }
        let batch = batchJob(job, package, request, name: name, number: number)
        try package.prepare(batch)
        try store.save([record])
        switch await commands.submit(batch) {
        case .accepted(let id):
            record.run.accept(id: id)
            try store.save([record])
            let asked = "submitted as Slurm job \(id)" + (number > 1 ? " (run \(number))" : "")
            logger.info("\(job.job.name): \(asked)")
            _ = try store.apply(.noted(asked), to: job.id, expected: place)
        case .doubtful(let why):
            record.run.doubt(why, at: Date())
            try store.save([record])
            logger.warning("\(job.job.name): in doubt whether \(name) is in the queue: \(why)")
            submitAfter = .now + .seconds(settings.interval)
        case .later(let why):
            try close(record)
            submitAfter = .now + .seconds(10 * settings.interval)
            _ = try store.apply(.noted("Slurm takes it later: \(why)"), to: job.id, expected: place)
        case .refused(let why):
            try close(record)
            _ = try store.apply(
                .stageFailed("Slurm refused it: \(why)", again: false), to: job.id, expected: place)
        }
    }

    private func batchJob(
        _ job: JobRecord, _ package: PackageFolder, _ request: SlurmResources, name: String, number: Int
    ) -> BatchJob {
        var environment: [String: String] = [:]
        environment["AURELAX_PYTHON"] = configuration.python
        environment["AURELAX_MPIEXEC"] = configuration.mpiexec
        if job.planned.kind == .ml {
            environment["AURELAX_PROGRAM"] = configuration.ml.program ?? program
        }
        let place = "stage=\(job.machine.stage + 1),attempt=\(job.machine.attempt),run=\(number)"
        return BatchJob(
            name: name, comment: "aurelax:job=\(job.job.name),\(place)", folder: package.path,
            resources: request, warning: settings.warning, setup: settings.setup, environment: environment,
            options: settings.options)
    }
}

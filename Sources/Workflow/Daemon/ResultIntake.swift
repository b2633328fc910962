internal import Atomistics
internal import DurableFiles
import Handoff
internal import JobSpec
import Relaxation
import SystemPackage

/// The reading and checking of a stage's result, which gives the event for the stage's job. Large results
/// take minutes, so this runs on a separate thread; the engine applies the event.
struct ResultIntake: Sendable {
    /// A result to be read.
    struct Work: Sendable {
        enum Source: Sendable {
            /// The `result/` of the job's package.
            case package
            /// The folder of an ML stage that another machine computes.
            case handedOut(MLStage)
            case dropped(Inbox.DroppedFile)
        }

        let record: JobRecord
        let source: Source
        var signs: PackageWatch.Signs?
    }

    /// The outcome of a reading.
    enum Found: Sendable {
        /// There is no result yet; the values are those of the last step of the calculation.
        case nothing(step: Int?, fmax: Double?)
        case event(JobEvent, ended: (report: StageReport, final: Digest)? = nil)
        /// The reason why the files are not accepted now; they stay, and are read again later.
        case leftAlone(String)
        /// The reason why the dropped file is not the job's result.
        case refused(String)
        case failed(any Error)
    }

    let spool: OpenSpool
    let store: Store
    let stages: StageLauncher

    private var folders: JobFolder { JobFolder(spool, store) }

    func look(at work: Work) -> Found {
        do {
            switch work.source {
            case .package: return try package(of: work.record)
            case .handedOut(let stage): return try handedOut(work.record, stage)
            case .dropped(let file): return try dropped(file, work.record)
            }
        } catch {
            return .failed(error)
        }
    }

    private func package(of record: JobRecord) throws -> Found {
        guard let stage = stages.outside(record) else {
            return .nothing(step: record.step, fmax: record.fmax)
        }
        let folder = try folders.directory(of: record)
        do {
            guard let end = try stage.end(in: folder, initial: { try stages.initial(of: record) }) else {
                return try progress(of: record)
            }
            return try found(end, record)
        } catch let refusal as ResultRefusal {
            let times = try setAside(folder, stage.package, refusal)
            let reason = "the result was set aside: \(refusal)"
            // Without a limit, a runner would run the package again and again.
            return .event(
                times < JobMachine.maximumAttempts
                    ? .resultRefused(reason)
                    : .stageFailed(
                        "\(reason); \(times - 1) results of this stage were set aside before", again: false))
        } catch let refusal as PackageRefusal {
            return .leftAlone("the package's result is not read: \(refusal)")
        } catch let failure as StageFailure {
            return .event(.stageFailed(failure.description, again: false))
        } catch {
            if isFatal(error) || isPassing(error) { throw error }
            return .leftAlone("the result cannot be read: \(error)")
        }
    }

    private func handedOut(_ record: JobRecord, _ stage: MLStage) throws -> Found {
        do {
            guard let (report, final) = try stages.outsideResult(of: record, stage) else {
                return try progress(of: record)
            }
            return .event(.stageEnded(report.verdict), ended: (report, try spool.blobs.insert(final)))
        } catch let failure as StageFailure {
            // The files stay; the next attempt has its own folder.
            return .event(.stageFailed("the result was refused: \(failure)", again: true))
        }
    }

    private func dropped(_ file: Inbox.DroppedFile, _ record: JobRecord) throws -> Found {
        guard let stage = stages.outside(record) else {
            return .refused("the job does not wait for a result")
        }
        do {
            guard let bytes = try spool.blobs.read(file.claim.digest) else {
                return .refused("its content is no longer in the store")
            }
            let end = try stage.end(dropped: bytes, in: folders.directory(of: record)) {
                try stages.initial(of: record)
            }
            return try found(end, record)
        } catch {
            if isFatal(error) || isPassing(error) { throw error }
            return .refused("\(error)")
        }
    }

    private func progress(of record: JobRecord) throws -> Found {
        let status = JobStatus(
            record, in: spool.spool, published: try store.publishedPackage(of: record))
        return .nothing(step: status.step, fmax: status.fmax)
    }

    private func found(_ end: OutsideEnd, _ record: JobRecord) throws -> Found {
        switch end {
        case .nothing(let why):
            return .event(.stageFailed("the calculation returned no geometry: \(why)", again: false))
        case .report(var report, let final):
            let rounds = HybridRounds(store: store, stages: stages)
            let next = try record.planned.round.flatMap { try rounds.decide($0, record, &report, final) }
            return .event(
                .resultAccepted(report.verdict, next: next), ended: (report, try spool.blobs.insert(final)))
        }
    }

    /// Renames the `result/` folder of a package whose result was refused, so that the package can be run again.
    ///
    /// - Returns: the number of results of this package that have been set aside so far.
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
}

/// The decisions after the checks of hybrid stages.
struct HybridRounds: Sendable {
    let store: Store
    let stages: StageLauncher

    /// Decides the next stage after a check, and notes the decision in the check's report.
    ///
    /// - Parameter final: extxyz of the check's last geometry with its forces.
    /// - Returns: index of the next stage; nil if it is the following one in the plan.
    func decide(
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
}

internal import DurableFiles
public import Foundation
import Handoff
internal import JobSpec
import Reports
internal import Slurm
import SystemPackage

/// The state of a job, for people and scripts.
public struct JobStatus: Sendable, Equatable, Codable {
    public var name: String
    public var state: JobState
    public var reason: String
    /// Number of the current stage, from 1, and the number of stages.
    public var stage: Int
    public var stages: Int
    /// `ml`, `dft` or `single-points`.
    public var kind: StageKind
    public var attempt: Int
    /// Optimiser steps taken in this stage; for single points, the number of finished points.
    public var step: Int?
    /// Largest force norm of a moving atom, eV/Å.
    public var fmax: Double?
    /// Requested fmax; nil if nothing is relaxed.
    public var fmaxLimit: Double?
    public var priority: Int
    public var accepted: Date
    public var updated: Date
    /// The stage's folder, beneath the outbox.
    public var folder: String
    /// The stage's state in Slurm's queue; nil if the stage is not in the queue.
    public var slurm: QueueStatus?

    init(_ record: JobRecord) {
        let machine = record.machine
        name = record.job.name
        state = machine.state
        reason = machine.reason
        stage = machine.stage + 1
        stages = machine.stages.count
        kind = machine.stages[machine.stage]
        attempt = machine.attempt
        step = record.step
        fmax = record.fmax
        fmaxLimit = record.planned.fmax
        priority = record.job.priority
        accepted = record.accepted
        updated = record.updated
        folder = StageFolder(current: record).path
    }

    /// Makes the status of a job, with the progress of an external calculation and the state of its package in
    /// Slurm's queue.
    ///
    /// - Parameters:
    ///   - published: digest of the manifest of the stage's package; nil if there is none.
    ///   - run: the open submission of the stage's package.
    init(_ record: JobRecord, in spool: Spool, published: Digest?, run: SlurmRun? = nil) {
        self.init(record)
        let queue = run.map { $0.text(at: Date()) }
        if let run, let queue, !state.isFinal {
            slurm = QueueStatus(run, at: Date())
            if state == .waitingForDFT || (state == .running && kind == .ml) { reason = queue }
        }
        if state == .running, kind == .ml { readOutsideProgress(in: spool) }
        guard state == .waitingForDFT,
            let package = try? Directory(spool.outbox.appending(folder)),
            let progress = try? RunProgress(of: package, published: published),
            let result = try? PackageLayout.result(of: package), progress.attempt == attempt
        else { return }
        (step, fmax) = (progress.steps, progress.fmax)
        if let run, run.array != nil {
            reason = run.text(at: Date(), done: progress.steps)
            return
        }
        let calculation =
            progress.state == "running"
            ? "calculating: \(progress.message(in: result))" : "\(progress.state): \(progress.message)"
        // The progress does not hide a message about an earlier result or an ignored package. With a run in
        // Slurm, the job's reason is the state of the run, which `queue` has already.
        let isNews = run == nil && record.machine.reason != JobMachine.packageIsReady
        let said = isNews ? record.machine.reason : nil
        reason = [said, queue, calculation].compactMap(\.self).joined(separator: "; ")
    }

    /// Reads the progress of an ML stage on another machine from its optimiser's log.
    private mutating func readOutsideProgress(in spool: Spool) {
        guard let stage = try? Directory(spool.outbox.appending(folder)),
            (try? OutsideMLStage.isHandedOut(in: stage)) == true,
            let last = OptimizerCurve(atPath: stage.path.appending("optimizer.log").string).entries.last
        else { return }
        (step, fmax) = (last.step, last.fmax)
    }

    /// Writes all keys, with null for missing values.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(state, forKey: .state)
        try container.encode(reason, forKey: .reason)
        try container.encode(stage, forKey: .stage)
        try container.encode(stages, forKey: .stages)
        try container.encode(kind, forKey: .kind)
        try container.encode(attempt, forKey: .attempt)
        try container.encode(step, forKey: .step)
        try container.encode(fmax, forKey: .fmax)
        try container.encode(fmaxLimit, forKey: .fmaxLimit)
        try container.encode(priority, forKey: .priority)
        try container.encode(accepted, forKey: .accepted)
        try container.encode(updated, forKey: .updated)
        try container.encode(folder, forKey: .folder)
        try container.encode(slurm, forKey: .slurm)
    }

    /// The next event in the life of the job and its condition, as a sentence for the user.
    public var next: String {
        let after = stage < stages ? "stage \(stage + 1) of \(stages) follows" : "the job ends"
        switch state {
        case .queued: return "it starts when the daemon has free capacity (\(reason))"
        case .running where slurm != nil: return "Slurm runs the stage; after its result, \(after)"
        case .running: return "when this stage ends, \(after)"
        case .waitingForDFT where slurm != nil: return "Slurm runs the package; after its result, \(after)"
        case .waitingForDFT:
            return
                "the package outbox/\(folder) is run (aurelax dft serve, or run.sh by hand); after its "
                + "result, \(after)"
        case .paused: return "nothing until `aurelax resume \(name)`"
        case .failed: return "nothing until `aurelax retry \(name)`"
        case .completed, .cancelled: return "nothing"
        }
    }

    var yaml: String {
        var text = YAMLText()
        text.add("aurelax_status", plain: 1)
        text.add("name", name)
        text.add("state", plain: state.rawValue)
        text.add("reason", reason)
        text.add("stage", plain: stage)
        text.add("stages", plain: stages)
        text.add("kind", plain: kind.rawValue)
        text.add("attempt", plain: attempt)
        text.add("step", plain: step)
        text.add("fmax", fmax, unit: "eV/Angstrom")
        text.add("requested_fmax", fmaxLimit, unit: "eV/Angstrom")
        text.add("folder", folder)
        if let slurm {
            text.add("slurm_job", plain: slurm.id)
            text.add("slurm_state", plain: slurm.state)
            if !slurm.reason.isEmpty { text.add("slurm_reason", slurm.reason) }
            text.add("slurm_position", plain: slurm.position)
            if !slurm.node.isEmpty { text.add("slurm_node", slurm.node) }
        }
        text.add("accepted", plain: timestamp(accepted))
        text.add("updated", plain: timestamp(updated))
        return text.text
    }
}

/// A stage's state in Slurm's queue.
public struct QueueStatus: Sendable, Equatable, Codable {
    /// Number of the Slurm job; nil while unknown.
    public var id: Int?
    /// `intended`, `pending`, `running`, `completing`, `lost` or `ended`.
    public var state: String
    /// Slurm's reason for waiting, or what is known about a lost job.
    public var reason: String
    public var node: String
    /// Time used and time left, seconds.
    public var used: Int?
    public var left: Int?
    /// Place among all jobs that wait for the same partition, from 1, and their number; nil if the job does
    /// not wait for resources.
    public var position: Int?
    public var waiting: Int?
    /// Expected start in Slurm's local time; nil if unknown.
    public var start: String?
    /// Number of the submission of the package, from 1.
    public var run: Int
    /// For an array: numbers of waiting and running elements; nil otherwise.
    public var pending: Int?
    public var running: Int?

    init(_ run: SlurmRun, at now: Date) {
        id = run.id
        state = run.phase.rawValue
        (reason, node, self.run) = (run.reason, run.node, run.number)
        (position, waiting, start) = (run.place?.position, run.place?.waiting, run.place?.start)
        (pending, running) = (run.tally?.pending, run.tally?.running)
        guard run.phase == .running, run.array == nil else { return }
        used = run.startedAt.map { max(0, Int(now.timeIntervalSince($0))) }
        left = run.endsAt.map { max(0, Int($0.timeIntervalSince(now))) }
    }
}

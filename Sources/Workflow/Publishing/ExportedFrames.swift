public import Atomistics
internal import DurableFiles
import Foundation
internal import JobSpec
import OrderedCollections
import SystemPackage

extension SpoolClient {
    /// Returns the latest structures of jobs, each with its job, state and charge, for other programs. Energies and
    /// forces are those of a calculation, with its level of theory; a model's are called `ml_energy` and `ml_forces`.
    ///
    /// - Parameters:
    ///   - names: names of jobs; if empty, all jobs that have a structure.
    ///   - wholePath: whether to return every frame of every relaxation that ended instead of the last structure.
    /// - Throws: ``WorkflowError``, and errors of damaged files.
    public func exportedFrames(of names: [String], wholePath: Bool = false) throws -> [Atoms] {
        let records =
            try names.isEmpty ? withStore { try $0.jobs() }.sorted { $0.id < $1.id } : names.map(record)
        let blobs = BlobStore(try Directory(spool.state.appending("blobs")))
        return try withStore { store in
            try records.flatMap { record -> [Atoms] in
                let stages = try store.stages(of: record.id).filter { $0.report.points == nil }
                let shown = wholePath ? stages : Array(stages.suffix(1))
                guard !shown.isEmpty else {
                    guard names.isEmpty else {
                        throw WorkflowError.notAllowed(
                            "\(record.job.name) has no structure yet, because no stage has ended")
                    }
                    return []
                }
                return try shown.flatMap { stage -> [Atoms] in
                    var frames: [Atoms] = []
                    if wholePath {
                        let path = StageFolder(stage, of: record).path(of: "trajectory.extxyz", in: spool)
                        frames = try ExtXYZ.read(path: path.string)
                    } else if let bytes = try blobs.read(stage.final) {
                        frames = try ExtXYZ.frames(in: bytes, label: "\(record.job.name): the last structure")
                    }
                    return frames.map { Self.labelled($0, record, stage) }
                }
            }
        }
    }

    private static func labelled(_ frame: Atoms, _ record: JobRecord, _ stage: StageRecord) -> Atoms {
        var frame = frame
        frame.info["job"] = .string(record.job.name)
        frame.info["job_state"] = .string(record.machine.state.rawValue)
        frame.info["job_stage"] = .integer(stage.stage + 1)
        frame.info["job_charge"] = .integer(record.job.charge)
        frame.info["converged"] = .boolean(stage.report.verdict.converged)
        if stage.report.kind == .ml {
            // A model's values must not appear as calculated ones, whatever the file states.
            (frame.energy, frame.forces, frame.levelOfTheory) = (nil, nil, nil)
        } else {
            frame.info["engine"] = .string("\(stage.report.method) \(stage.report.version)")
            if let gap = stage.report.electrons?.gap { frame.info["gap"] = .real(gap) }
        }
        return frame
    }
}

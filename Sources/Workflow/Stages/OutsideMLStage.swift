internal import Atomistics
internal import DurableFiles
import Foundation
internal import JobSpec
import ModelLibrary
import OrderedCollections
internal import Slurm
import SystemPackage

/// An ML stage that another machine does: its task goes into the stage's folder, what that machine has made of it is
/// checked there and taken in.
struct OutsideMLStage {
    let store: Store
    let record: JobRecord
    let stage: MLStage
    /// Of the stage.
    let folder: Directory

    private var machine: JobMachine { record.machine }

    /// The task is there, whole.
    static func isHandedOut(in folder: Directory) throws -> Bool {
        try folder.status(of: StageTask.file) != nil
    }

    /// For a stage that is done here after all, since the spool's configuration is another: nobody else begins it.
    ///
    /// - Returns: nil for a stage that was never handed out.
    /// - Throws: `LockHeld` while another machine is at it.
    static func takeBack(_ folder: Directory) throws -> ExclusiveLock? {
        guard try isHandedOut(in: folder) else { return nil }
        let lock = try ExclusiveLock(StageTask.lock, in: folder)
        let records = try folder.makeSubdirectory(FilePath.Component(plain: BatchJob.records))
        try records.replace(FilePath.Component(plain: BatchJob.current), Array("the daemon\n".utf8))
        return lock
    }

    /// Puts the task into the folder; doing it again changes nothing.
    ///
    /// - Parameter model: that the stage is to use, or to begin learning with.
    func handOut(_ initial: Atoms, model name: String, _ models: LoadedModels, lesson: Lesson?) throws {
        if let bytes = try folder.read(StageTask.file), try intended == Digest(of: bytes) { return }
        let version = try models.load(name).provenance.version
        let path = URL(fileURLWithPath: try models.library.path(of: name)).resolvingSymlinksInPath().path
        let structure = ExtXYZ.bytes(of: [initial])
        let task = StageTask(
            record, settings: stage, structure: Digest(of: structure), model: path, modelVersion: version,
            lesson: lesson, wantsHessian: wantsHessian)
        try store.intend(
            PackageRecord(
                job: record.id, stage: machine.stage, attempt: machine.attempt,
                folder: StageFolder(current: record).name.string,
                digest: Digest(of: try task.bytes)))
        try task.write(structure: structure, in: folder)
    }

    /// The model's Hessian at the stage's end, eV/Å²; nil where it was not left, or is not what was written.
    static func hessian(in folder: Directory, of final: Digest) throws -> [Double]? {
        guard let result = try? StageTaskResult(in: folder), result.final == final,
            let digest = result.hessian,
            let bytes = try folder.read(StageTaskResult.hessianFile, limit: 1 << 33),
            Digest(of: bytes) == digest
        else { return nil }
        return StageTaskResult.numbers(bytes)
    }

    private var intended: Digest? {
        get throws { try store.package(record.id, stage: machine.stage, attempt: machine.attempt)?.digest }
    }

    /// The stage that follows is a calculation that starts from the model's Hessian.
    private var wantsHessian: Bool {
        let plan = record.job.plan
        guard plan.indices.contains(machine.stage + 1), case .dft(let next) = plan[machine.stage + 1].work
        else {
            return false
        }
        return next.hessian
    }

    /// What has been made of the task; nil while nothing has.
    ///
    /// - Throws: ``StageFailure`` for what is not the result of this task.
    func result(_ models: LoadedModels) throws -> (report: StageReport, final: [UInt8])? {
        guard let result = try read() else { return nil }
        guard let bytes = try folder.read(StageTask.file), try intended == Digest(of: bytes) else {
            throw StageFailure("stage.json is not what was handed out")
        }
        guard result.task == Digest(of: bytes) else { throw StageFailure("DONE.json is of another task") }
        let task = try StageTask(bytes)
        guard let final = try folder.read("final.extxyz", limit: 1 << 30), Digest(of: final) == result.final,
            try folder.digest(of: "trajectory.extxyz")?.digest == result.trajectory
        else { throw StageFailure("final.extxyz or trajectory.extxyz is not the file that was written") }
        let learnt = try task.lesson.flatMap { _ in try LearntModel(at: folder.path, models) }?.model
        try check(
            result.report, final, initial: folder.read(StageTask.structureName, limit: 1 << 30) ?? [],
            version: learnt?.provenance.version ?? task.modelVersion)
        return (result.report, final)
    }

    private func read() throws -> StageTaskResult? {
        do {
            return try StageTaskResult(in: folder)
        } catch let error as DecodingError {
            throw StageFailure("DONE.json cannot be read: \(error)")
        }
    }

    private func check(
        _ report: StageReport, _ final: [UInt8], initial: [UInt8], version: String
    ) throws {
        guard let last = try ExtXYZ.frames(in: final, label: "final.extxyz").last,
            let first = try ExtXYZ.frames(in: initial, label: "initial.extxyz").last,
            last.elements == first.elements
        else { throw StageFailure("final.extxyz has other atoms than the stage began with") }
        guard last.positions.allSatisfy(\.isFinite), let fmax = report.verdict.fmax, fmax.isFinite else {
            throw StageFailure("final.extxyz has a value that is not a number")
        }
        guard report.kind == .ml, report.version == version, last.info["ml_fmax"]?.double == fmax else {
            throw StageFailure("DONE.json is not of what lies in final.extxyz, or of another model")
        }
    }
}

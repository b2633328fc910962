internal import Atomistics
internal import DurableFiles
import Foundation
internal import JobSpec
import ModelLibrary
import OrderedCollections
internal import Slurm
import SystemPackage

/// An ML stage on another machine: the stage's task is written into its folder, and the result is checked and
/// taken in.
struct OutsideMLStage {
    let store: Store
    let record: JobRecord
    let stage: MLStage
    /// The stage's folder.
    let folder: Directory

    private var machine: JobMachine { record.machine }

    /// Returns whether the task has been written completely into the folder.
    static func isHandedOut(in folder: Directory) throws -> Bool {
        try folder.status(of: StageTask.file) != nil
    }

    /// Takes back a stage that the daemon now computes itself because the spool's configuration changed, so
    /// that no other machine starts it.
    ///
    /// - Returns: a lock that keeps other machines from starting the stage; nil if the stage was never handed
    ///   out.
    /// - Throws: `LockHeld` while another machine computes it.
    static func takeBack(_ folder: Directory) throws -> ExclusiveLock? {
        guard try isHandedOut(in: folder) else { return nil }
        let lock = try ExclusiveLock(StageTask.lock, in: folder)
        let records = try folder.makeSubdirectory(FilePath.Component(plain: BatchJob.records))
        try records.replace(FilePath.Component(plain: BatchJob.current), Array("the daemon\n".utf8))
        return lock
    }

    /// Writes the task into the folder; repeating this changes nothing.
    ///
    /// - Parameter name: the stage's model, or the model from which training starts.
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

    /// Returns the model's Hessian at the final structure, eV/Å²; nil if it is missing or damaged.
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

    /// Whether the following stage starts from the model's Hessian.
    private var wantsHessian: Bool {
        let plan = record.job.plan
        guard plan.indices.contains(machine.stage + 1), case .dft(let next) = plan[machine.stage + 1].work
        else {
            return false
        }
        return next.hessian
    }

    /// Returns the result of the task; nil while there is no result.
    ///
    /// - Throws: ``StageFailure`` if the files are not the result of this task.
    func result(_ models: LoadedModels) throws -> (report: StageReport, final: [UInt8])? {
        guard let result = try read() else { return nil }
        guard let bytes = try folder.read(StageTask.file), try intended == Digest(of: bytes) else {
            throw StageFailure("stage.json differs from the task that was handed out")
        }
        guard result.task == Digest(of: bytes) else {
            throw StageFailure("DONE.json belongs to another task")
        }
        let task = try StageTask(bytes)
        guard let final = try folder.read("final.extxyz", limit: 1 << 30), Digest(of: final) == result.final,
            try folder.digest(of: "trajectory.extxyz")?.digest == result.trajectory
        else { throw StageFailure("final.extxyz or trajectory.extxyz does not match its digest") }
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
        else { throw StageFailure("final.extxyz has other atoms than the initial structure") }
        guard last.positions.allSatisfy(\.isFinite), let fmax = report.verdict.fmax, fmax.isFinite else {
            throw StageFailure("final.extxyz has a value that is not a number")
        }
        guard report.kind == .ml, report.version == version, last.info["ml_fmax"]?.double == fmax else {
            throw StageFailure("DONE.json does not match final.extxyz, or is from another model")
        }
    }
}

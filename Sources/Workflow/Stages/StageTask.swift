internal import Atomistics
package import DurableFiles
import Foundation
internal import JobSpec
import ModelLibrary
import SystemPackage

/// The description of an ML stage for a machine that can access only the outbox: `stage.json` in
/// the stage's folder, beside the structure and a `run.sh`.
package struct StageTask: Codable, Sendable, Equatable {
    static let version = 1
    /// Written last: if it exists, the other files do.
    static let file: FilePath.Component = "stage.json"
    static let structureName: FilePath.Component = "initial.extxyz"
    static let lock: FilePath.Component = ".lock"

    var aurelaxStage = version
    package let job: String
    /// Number of the stage, from 1.
    package let stage: Int
    package let attempt: Int
    let settings: MLStage
    /// Digest of the initial structure.
    let structure: Digest
    /// Path of the model's file on the machine that computes the stage.
    let model: String
    /// SHA-256 of the model's file.
    let modelVersion: String
    /// Data for training the model before the stage; nil if the model is not trained.
    let lesson: Lesson?
    /// Whether the model's Hessian at the final structure is needed.
    let wantsHessian: Bool

    init(
        _ record: JobRecord, settings: MLStage, structure: Digest, model: String, modelVersion: String,
        lesson: Lesson?, wantsHessian: Bool
    ) {
        (job, stage, attempt) = (record.job.name, record.machine.stage + 1, record.machine.attempt)
        (self.settings, self.structure, self.lesson) = (settings, structure, lesson)
        (self.model, self.modelVersion, self.wantsHessian) = (model, modelVersion, wantsHessian)
    }

    /// - Throws: `DecodingError` if the bytes are not a task; ``StageFailure`` for a task of a later version.
    init(_ bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(bytes))
        guard aurelaxStage <= Self.version else {
            throw StageFailure(
                "stage.json has version \(aurelaxStage), but the nodes' aurelax is older: it knows version "
                    + "\(Self.version)")
        }
    }

    var bytes: [UInt8] {
        get throws { try json(self) }
    }

    /// Writes the task into the stage's folder; the task's own file is the last.
    func write(structure: [UInt8], in folder: Directory) throws {
        try folder.replace(Self.structureName, structure)
        try folder.replace("run.sh", Array(Self.script.utf8), mode: 0o755)
        try folder.replace(Self.file, try bytes)
    }

    /// The stop signal USR1 is ignored until aurelax handles it, because an early signal must not end the
    /// script.
    private static let script = """
        #!/bin/sh
        # Runs this stage in its folder; after an interruption, run it again to resume.
        #   AURELAX_PROGRAM   the aurelax program on this machine (default: aurelax)
        cd "$(dirname "$0")" || exit 8
        trap '' USR1
        exec "${AURELAX_PROGRAM:-aurelax}" stage .

        """
}

/// The result of a ``StageTask``: `DONE.json` in the stage's folder, written after everything else.
package struct StageTaskResult: Codable, Sendable {
    static let file: FilePath.Component = "DONE.json"

    /// Digest of the `stage.json`.
    let task: Digest
    let report: StageReport
    /// Digests of `final.extxyz` and `trajectory.extxyz`.
    let final: Digest
    let trajectory: Digest
    /// Digest of `hessian.f64`: the model's Hessian at the final structure, eV/Å², 3N×3N numbers of eight bytes,
    /// row by row, little-endian.
    let hessian: Digest?

    static let hessianFile: FilePath.Component = "hessian.f64"

    static func bytes(_ numbers: [Double]) -> [UInt8] {
        numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    }

    static func numbers(_ bytes: [UInt8]) -> [Double] {
        stride(from: 0, through: bytes.count - 8, by: 8).map { start in
            let pattern = bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Double(bitPattern: pattern)
        }
    }

    var bytes: [UInt8] {
        get throws {
            let encoder = StageReport.encoder
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self)) + [10]
        }
    }
}

extension StageTask {
    package enum End: Sendable {
        case finished(StageReport)
        case stopped
    }

    /// Runs the task in a folder: `aurelax stage`. Finished work is not repeated.
    ///
    /// - Parameter progress: called after every step with its number and the largest force, eV/Å.
    /// - Throws: ``DurableFiles/LockHeld`` if another process is running it; ``StageFailure`` if no
    ///   retry can help.
    package static func run(
        in folder: Directory, stop: StopFlag, progress: (_ step: Int, _ fmax: Double) throws -> Void
    ) throws -> End {
        guard let bytes = try folder.read(file) else { throw StageFailure("there is no stage.json") }
        let task = try StageTask(bytes)
        let lock = try lock(folder)
        defer { withExtendedLifetime(lock) {} }
        if let done = try StageTaskResult(in: folder), done.task == Digest(of: bytes) {
            return .finished(done.report)
        }
        let structure = try folder.read(structureName, limit: 1 << 30) ?? []
        guard Digest(of: structure) == task.structure,
            let initial = try ExtXYZ.frames(in: structure, label: structureName.string).last
        else { throw StageFailure("initial.extxyz is not the structure of this stage") }
        let models = LoadedModels(ModelLibrary(searchPath: []), nil)
        let forceField = try models.load(task.model)
        guard forceField.provenance.version == task.modelVersion else {
            throw StageFailure(
                "\(task.model) is version \(forceField.provenance.version) here, but the stage is for "
                    + task.modelVersion)
        }
        let learnt = try task.lesson.map {
            try LearntModel.learn($0, beginningWith: task.model, models, in: folder)
        }
        let model = learnt?.model ?? forceField
        let run = MLStageRun(stage: task.settings, initial: initial, forceField: model, folder: folder)
        switch try run.run(stop: stop, progress: progress) {
        case .stopped: return .stopped
        case .finished(var report, let final):
            if let learnt { report.warnings.append(learnt.note) }
            let trajectory = try folder.digest(of: "trajectory.extxyz")?.digest
            let hessian: Digest?
            do {
                hessian = try task.wantsHessian ? leaveHessian(of: final, by: model, in: folder, stop) : nil
            } catch is HessianStopped {
                return .stopped
            }
            let result = StageTaskResult(
                task: Digest(of: bytes), report: report, final: Digest(of: final),
                trajectory: trajectory ?? Digest(of: []), hessian: hessian)
            try folder.replace(StageTaskResult.file, try result.bytes)
            return .finished(report)
        }
    }
}

extension StageTask {
    private struct HessianStopped: Error {}

    /// Computes the model's Hessian at the final structure and writes it into the folder.
    ///
    /// - Returns: digest of the file; nil if the model has no Hessian.
    /// - Throws: ``HessianStopped`` if the stage is asked to stop.
    private static func leaveHessian(
        of final: [UInt8], by model: any ForceField, in folder: Directory, _ stop: StopFlag
    ) throws -> Digest? {
        guard let atoms = try ExtXYZ.frames(in: final, label: "final.extxyz").last,
            let numbers = try model.hessian(
                atoms,
                progress: { _, _ in
                    stop.beat()
                    if stop.isStopping { throw HessianStopped() }
                })
        else { return nil }
        let bytes = StageTaskResult.bytes(numbers)
        try folder.replace(StageTaskResult.hessianFile, bytes)
        return Digest(of: bytes)
    }

    /// Takes the lock of the stage's folder.
    ///
    /// - Returns: nil on a file system without locks.
    private static func lock(_ folder: Directory) throws -> ExclusiveLock? {
        do {
            return try ExclusiveLock(lock, in: folder)
        } catch let error as FileError where [.noLocks, .noFunction, .notSupported].contains(error.code) {
            return nil
        }
    }
}

extension StageTaskResult {
    /// Reads the result in a folder; nil if the stage is not done.
    init?(in folder: Directory) throws {
        guard let bytes = try folder.read(Self.file, limit: 1 << 24) else { return nil }
        self = try StageReport.decoder.decode(Self.self, from: Data(bytes))
    }
}

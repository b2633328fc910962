internal import Atomistics
package import DurableFiles
import Foundation
internal import JobSpec
import ModelLibrary
import SystemPackage

/// What a machine that sees nothing but the outbox has to know to do an ML stage: `stage.json` in the stage's folder,
/// beside the structure and a `run.sh`.
package struct StageTask: Codable, Sendable, Equatable {
    static let version = 1
    /// Written last: where it is, the others are.
    static let file: FilePath.Component = "stage.json"
    static let structureName: FilePath.Component = "initial.extxyz"
    static let lock: FilePath.Component = ".lock"

    var aurelaxStage = version
    package let job: String
    /// From 1.
    package let stage: Int
    package let attempt: Int
    let settings: MLStage
    /// Of what the stage begins with.
    let structure: Digest
    /// The model's file, as the machine that does the stage finds it.
    let model: String
    /// SHA-256 of its content.
    let modelVersion: String
    /// What it learns first; nil where it does not.
    let lesson: Lesson?

    init(
        _ record: JobRecord, settings: MLStage, structure: Digest, model: String, modelVersion: String,
        lesson: Lesson?
    ) {
        (job, stage, attempt) = (record.job.name, record.machine.stage + 1, record.machine.attempt)
        (self.settings, self.structure, self.lesson) = (settings, structure, lesson)
        (self.model, self.modelVersion) = (model, modelVersion)
    }

    /// - Throws: `DecodingError` for what is no task; ``StageFailure`` for one of a later version.
    init(_ bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(bytes))
        guard aurelaxStage <= Self.version else {
            throw StageFailure(
                "stage.json has version \(aurelaxStage), this program knows \(Self.version): the nodes' aurelax is older"
            )
        }
    }

    var bytes: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self)) + [10]
        }
    }

    /// Puts the task into the stage's folder; the task's own file is the last.
    func write(structure: [UInt8], in folder: Directory) throws {
        try folder.replace(Self.structureName, structure)
        try folder.replace("run.sh", Array(Self.script.utf8), mode: 0o755)
        try folder.replace(Self.file, try bytes)
    }

    /// Ignored until aurelax listens: a signal that comes early is no end.
    private static let script = """
        #!/bin/sh
        # Does this stage where it lies; again after an interruption, it goes on where it was.
        #   AURELAX_PROGRAM   aurelax, as this machine has it (default: aurelax)
        cd "$(dirname "$0")" || exit 8
        trap '' USR1
        exec "${AURELAX_PROGRAM:-aurelax}" stage .

        """
}

/// What became of a ``StageTask``: `DONE.json` in the stage's folder, written when everything else is.
package struct StageTaskResult: Codable, Sendable {
    static let file: FilePath.Component = "DONE.json"

    /// Of the `stage.json` that was done.
    let task: Digest
    let report: StageReport
    /// Of `final.extxyz` and `trajectory.extxyz`.
    let final: Digest
    let trajectory: Digest

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

    /// Does the task that lies in a folder: `aurelax stage`. What is done already is not done again.
    ///
    /// - Parameter progress: called after every step with its number and the largest force, eV/Å.
    /// - Throws: ``DurableFiles/LockHeld`` where another process does it; ``StageFailure`` for what nobody can do.
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
                "\(task.model) is version \(forceField.provenance.version) here, the stage is for \(task.modelVersion)"
            )
        }
        let learnt = try task.lesson.map {
            try LearntModel.learn($0, beginningWith: task.model, models, in: folder)
        }
        let run = MLStageRun(
            stage: task.settings, initial: initial, forceField: learnt?.model ?? forceField, folder: folder)
        switch try run.run(stop: stop, progress: progress) {
        case .stopped: return .stopped
        case .finished(var report, let final):
            if let learnt { report.warnings.append(learnt.note) }
            let trajectory = try folder.digest(of: "trajectory.extxyz")?.digest
            let result = StageTaskResult(
                task: Digest(of: bytes), report: report, final: Digest(of: final),
                trajectory: trajectory ?? Digest(of: []))
            try folder.replace(StageTaskResult.file, try result.bytes)
            return .finished(report)
        }
    }
}

extension StageTask {
    /// - Returns: nil on a file system that has no locks.
    private static func lock(_ folder: Directory) throws -> ExclusiveLock? {
        do {
            return try ExclusiveLock(lock, in: folder)
        } catch let error as FileError where [.noLocks, .noFunction, .notSupported].contains(error.code) {
            return nil
        }
    }
}

extension StageTaskResult {
    /// What a folder holds; nil where the stage is not done.
    init?(in folder: Directory) throws {
        guard let bytes = try folder.read(Self.file, limit: 1 << 24) else { return nil }
        self = try StageReport.decoder.decode(Self.self, from: Data(bytes))
    }
}

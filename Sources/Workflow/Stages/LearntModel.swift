internal import Atomistics
internal import DurableFiles
import Foundation
import Handoff
internal import JobSpec
import ModelLibrary
import SystemPackage

/// The model of a round in a hybrid stage with `learn: true`: trained with the recipe of the
/// stage's model and the results of the earlier checks.
///
/// Files in the round's folder: `learnt-from.extxyz`, `learnt.aurelax-model` and, written last, `learning.txt`,
/// which describes the training. If the round is started again, these files are used, and the model is not
/// trained again.
struct LearntModel {
    /// The trained model; nil if the round uses the stage's initial model.
    let model: (any ForceField)?
    /// A note for the user about the training.
    let note: String

    private static let modelName = FilePath.Component(plain: "learnt.\(ModelLibrary.fileExtension)")
    private static let noteName = FilePath.Component(plain: "learning.txt")

    private init(_ model: (any ForceField)?, _ note: String) { (self.model, self.note) = (model, note) }

    /// Loads the model of a round if it has been trained already; nil otherwise.
    ///
    /// - Parameter folder: folder of the round's ML stage.
    init?(at folder: FilePath, _ models: LoadedModels) throws {
        guard let note = try? String(contentsOfFile: folder.appending(Self.noteName).string, encoding: .utf8)
        else {
            return nil
        }
        let path = folder.appending(Self.modelName).string
        model = FileManager.default.fileExists(atPath: path) ? try models.load(path) : nil
        self.note = note.trimmingCharacters(in: .newlines)
    }

    /// Trains the model, or notes why not: a model that cannot be trained is used unchanged.
    ///
    /// - Parameters:
    ///   - name: name or file of the stage's initial model.
    ///   - folder: folder of the round's ML stage, with the training frames.
    /// - Throws: errors of the disk.
    static func learn(
        _ lesson: Lesson, beginningWith name: String, _ models: LoadedModels, in folder: Directory
    ) throws -> LearntModel {
        if let there = try LearntModel(at: folder.path, models) { return there }
        let path = folder.path.appending(modelName).string
        let note: String
        if let refusal = lesson.refusal {
            note = refusal
        } else {
            do {
                note = try train(lesson, name, models.library, writeTo: path, in: folder)
            } catch {
                if isFatal(error) || isPassing(error) { throw error }
                try? FileManager.default.removeItem(atPath: path)
                note = "the model could not be trained and is used unchanged: \(error)"
            }
        }
        try folder.replace(noteName, Array((note + "\n").utf8))
        return try LearntModel(at: folder.path, models) ?? LearntModel(nil, note)
    }

    private static func train(
        _ lesson: Lesson, _ name: String, _ library: ModelLibrary, writeTo path: String, in folder: Directory
    ) throws -> String {
        let recipePath = URL(fileURLWithPath: try library.path(of: name)).deletingLastPathComponent()
            .appendingPathComponent(ModelLibrary.recipeName).path
        guard let bytes = FileManager.default.contents(atPath: recipePath) else {
            throw StageFailure("the model has no recipe (\(recipePath))")
        }
        let file = RecipeFile(Array(bytes), file: recipePath)
        guard var recipe = file.recipe else { throw StageFailure(file.report) }
        guard lesson.frames > 0 else { throw StageFailure("no check of the job has a result to train on") }
        recipe.data.append(.init(file: folder.path.appending(Lesson.file).string))
        let report = try recipe.train(writeTo: path)
        return "trained on \(lesson.frames) frame\(lesson.frames == 1 ? "" : "s") of \(lesson.checks) "
            + "check\(lesson.checks == 1 ? "" : "s") in addition to those of its recipe, "
            + String(format: "%.0f s", report.seconds) + ": \(report.name), version \(report.version)"
    }
}

/// The training data of a round: the frames in `learnt-from.extxyz`, in the round's folder.
struct Lesson: Sendable, Equatable, Codable {
    static let file = FilePath.Component(plain: "learnt-from.extxyz")

    /// The reason why the model is not trained; nil if it is to be trained.
    private(set) var refusal: String?
    private(set) var checks = 0
    private(set) var frames = 0

    /// Collects the frames of the checks and writes them into the file of training data.
    ///
    /// - Parameters:
    ///   - checks: checks of the stage so far, in order.
    ///   - folder: folder of the round's ML stage.
    ///   - jobFolder: folder of the job.
    ///   - published: returns the digest of the manifest with which a check's package was published.
    init(
        from checks: [StageRecord], in folder: Directory, job: JobName, _ jobFolder: Directory,
        published: (StageRecord) throws -> Digest?
    ) throws {
        self.checks = checks.count
        if let last = checks.last?.report, let learnt = last.modelError, let first = last.firstModelError,
            learnt > first
        {
            refusal = String(
                format:
                    "not trained again: at the last check the error of the trained model was %.3f eV/Å, that of the "
                    + "initial model %.3f eV/Å", learnt, first)
            return
        }
        do {
            let found = try checks.flatMap { check in
                let place = StageFolder(job, stage: check.stage, kind: .dft, attempt: check.attempt)
                let package = try jobFolder.subdirectory(place.name)
                let known = try published(check)
                return try AcceptedFrames(package: package) { $0 == known }?.frames ?? []
            }
            frames = found.count
            try folder.replace(Self.file, ExtXYZ.bytes(of: found))
        } catch {
            if isFatal(error) || isPassing(error) { throw error }
            refusal = "the model could not be trained and is used unchanged: \(error)"
        }
    }
}

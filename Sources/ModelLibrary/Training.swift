public import Atomistics
import DataSet
import DurableFiles
import Foundation
import ModelFile
import OrderedCollections
import SOAPPotential
import ThiolateGold

/// The result of a training by a recipe.
public struct TrainingReport: Sendable, Codable, Equatable {
    public var name: String
    public var kind: String
    /// SHA-256 of the model file's content.
    public var version: String
    public var path: String
    public var bytes: Int
    /// Numbers of frames: those on which the final model was trained, and those that were held out for ``validation``.
    public var frames: Int
    public var validationFrames: Int
    public var seconds: Double
    /// Errors, on the validation frames, of a model that was trained without them; nil if there are no validation
    /// frames.
    public var validation: Evaluation?
    /// The errors of ``validation`` separately for each file that has validation frames.
    public var validationByFile: [String: Evaluation]
}

/// The evaluation, on the validation frames, of a model that was trained without them.
private struct Examination {
    let all: Evaluation?
    let byFile: [String: Evaluation]

    init(_ model: any ForceField, _ data: TrainingData, _ progress: TrainingProgress) throws {
        let total = 2 * data.validation.count
        all =
            data.validation.isEmpty
            ? nil
            : Evaluation(
                try ForceComparison(model, on: data.validation) { progress.reached($0, of: total) })
        byFile = try data.validationByFile.mapValues { try Evaluation(model, on: $0) }
    }

    /// Makes the result for data without validation frames.
    private init() { (all, byFile) = (nil, [:]) }
    static let none = Examination()
}

extension Recipe {
    /// Trains the model and writes its file.
    ///
    /// With validation frames and ``Fit/all`` the model is trained twice: first without the validation frames, to
    /// evaluate it, then with them and with the settings chosen in the first training. The same recipe and data give
    /// the same bytes on one machine.
    ///
    /// - Parameters:
    ///   - path: path of the model file. Nil means ``modelPath``.
    ///   - progress: reports the progress.
    /// - Throws: ``RecipeError``, `ExtXYZError`, and errors of the kind of model.
    public func train(
        writeTo path: String? = nil, progress: TrainingProgress = .untold
    ) throws -> TrainingReport {
        let start = ContinuousClock.now
        let path = path ?? modelPath
        let data = try TrainingData(self, progress: progress)
        progress(
            "\(data.training.count) training frames, \(data.validation.count) held-out frames")
        let result =
            switch method {
            case .soapPotential(let settings): try trainPotential(settings, data, path, progress)
            case .oamlm(let options): try trainOAMLM(options, data, path, progress)
            case .vectorKernel(let options): try trainVectorKernel(options, data, path, progress)
            }
        let file = try ModelFile(contentsOf: path, kind: method.kind)
        let elapsed = ContinuousClock.now - start
        return TrainingReport(
            name: name, kind: method.kind, version: file.version, path: path, bytes: file.byteCount,
            frames: data.training.count + (fit == .all ? data.validation.count : 0),
            validationFrames: data.validation.count, seconds: elapsed / .seconds(1),
            validation: result.all, validationByFile: result.byFile)
    }

    private func trainPotential(
        _ settings: SOAPPotentialSettings, _ data: TrainingData, _ path: String,
        _ progress: TrainingProgress
    ) throws -> Examination {
        var settings = settings
        settings.refitsOnAllFrames = fit == .all
        var examined = Examination.none
        let potential = try SOAPPotential.train(
            frames: data.training, settings: settings, validation: data.validation,
            calibration: data.calibration, name: name, progress: progress
        ) { potential, progress in
            examined = try Examination(potential, data, progress)
        }
        _ = try potential.write(to: path, data: data.sources)
        return examined
    }

    private func trainVectorKernel(
        _ options: VectorKernelOptions, _ data: TrainingData, _ path: String,
        _ progress: TrainingProgress
    ) throws -> Examination {
        let training = VectorKernelTraining(
            name: name, levelOfTheory: data.levelOfTheory, options: options, provenance: data.sources)
        return try trainTwice(data, path, progress) { frames, path, _, progress -> VectorKernelForceField in
            try training.train(on: frames, writeTo: path, progress: progress)
            return try VectorKernelForceField(ModelFile(contentsOf: path))
        }
    }

    private func trainOAMLM(
        _ options: OAMLMOptions, _ data: TrainingData, _ path: String, _ progress: TrainingProgress
    ) throws -> Examination {
        var training = OAMLMTraining(
            name: name, levelOfTheory: data.levelOfTheory, options: options, provenance: data.sources)
        return try trainTwice(data, path, progress) { frames, path, examined, progress -> OAMLMForceField in
            if let examined {
                training.options = examined.options
                training.options.alternatives = []
            }
            try training.train(on: frames, writeTo: path, progress: progress)
            return try OAMLMForceField(ModelFile(contentsOf: path))
        }
    }

    /// Trains without the validation frames, evaluates the model, and trains with them if the
    /// recipe requests it.
    ///
    /// Forces can only be predicted from a model file. If a final model is trained after the examined one, the examined
    /// one is written to a separate file, so that the final file always has the final model.
    ///
    /// - Parameter train: trains on frames and writes a file; its third argument is the examined model, nil in the
    ///   first training.
    private func trainTwice<Model: ForceField>(
        _ data: TrainingData, _ path: String, _ progress: TrainingProgress,
        _ train: ([Atoms], String, Model?, TrainingProgress) throws -> Model
    ) throws -> Examination {
        guard !data.validation.isEmpty else {
            _ = try train(data.training, path, nil, progress)
            return .none
        }
        let (training, held) = (Double(data.training.count), Double(data.validation.count))
        let parts = progress.parts([training, 0.5 * held, fit == .all ? training + held : 0])
        let examinedPath = fit == .all ? "\(path).examined.\(ModelLibrary.fileExtension)" : path
        defer { if fit == .all { try? FileManager.default.removeItem(atPath: examinedPath) } }
        let model = try train(data.training, examinedPath, nil, parts[0])
        let examined = try Examination(model, data, parts[1])
        if fit == .all { _ = try train(data.training + data.validation, path, model, parts[2]) }
        return examined
    }
}

/// The frames of a recipe.
public struct TrainingData: Sendable {
    public private(set) var training: [Atoms] = []
    public private(set) var validation: [Atoms] = []
    /// Frames that are never used in the fit; they calibrate the expected errors.
    public private(set) var calibration: [Atoms] = []
    public private(set) var validationByFile: [String: [Atoms]] = [:]
    /// The used frames of each file, and the digest of the file.
    public private(set) var sources: [String: String] = [:]

    /// Level of theory of the training data: the recipe's level, followed by name and version of the teacher if frames
    /// are labelled by one.
    public private(set) var levelOfTheory = ""

    /// - Parameters:
    ///   - recipe: the recipe whose files are read.
    ///   - progress: reports the labelling by a teacher, which takes one force call per frame.
    /// - Throws: ``RecipeError``, `ExtXYZError`, and errors of a teacher's model file.
    public init(_ recipe: Recipe, progress: TrainingProgress = .untold) throws {
        var teachers: [String] = []
        for source in recipe.data {
            let path =
                source.file.hasPrefix("/") ? source.file : recipe.directory + "/" + source.file
            let (frames, digest) = try Self.read(path)
            for range in (source.frames ?? []) + source.validation + source.calibration {
                guard range.start < frames.count, range.end ?? 0 <= frames.count else {
                    throw RecipeError.rangeOutside(
                        range: range.description, file: source.file, frames: frames.count)
                }
            }
            let chosen = source.chosen(of: frames.count)
            sources[source.file] =
                "\(chosen.training.count) training and \(chosen.validation.count) validation frames, "
                + (chosen.calibration.isEmpty
                    ? "" : "\(chosen.calibration.count) for the expected errors only, ")
                + "sha256 \(digest)"
            if let teacher = source.teacher {
                guard source.validation.isEmpty, source.calibration.isEmpty else {
                    throw RecipeError.taughtValidation(file: source.file)
                }
                let model = try ModelLibrary(searchPath: []).load(
                    teacher.hasPrefix("/") ? teacher : recipe.directory + "/" + teacher)
                let name = "\(model.provenance.name) \(model.provenance.version.prefix(12))"
                teachers.append(name)
                sources[source.file]? += ", forces of \(name)"
                progress("\(source.file): labelling \(chosen.training.count) structures by \(name)")
                training += try chosen.training.map { try Self.taught(frames[$0], by: model) }
                continue
            }
            for index in (chosen.training + chosen.validation + chosen.calibration).sorted() {
                let frame = frames[index]
                guard frame.levelOfTheory == recipe.levelOfTheory else {
                    throw RecipeError.levelOfTheory(
                        found: frame.levelOfTheory, expected: recipe.levelOfTheory,
                        file: source.file, frame: index)
                }
            }
            let held = chosen.validation.map { frames[$0] }
            training += chosen.training.map { frames[$0] }
            validation += held
            calibration += chosen.calibration.map { frames[$0] }
            if !held.isEmpty { validationByFile[source.file, default: []] += held }
        }
        levelOfTheory = recipe.levelOfTheory
        if !teachers.isEmpty {
            levelOfTheory += ", taught by " + Set(teachers).sorted().joined(separator: " and ")
            for f in training.indices { training[f].levelOfTheory = levelOfTheory }
            for f in validation.indices { validation[f].levelOfTheory = levelOfTheory }
            for f in calibration.indices { calibration[f].levelOfTheory = levelOfTheory }
        }
        guard !training.isEmpty else { throw RecipeError.noTrainingFrames }
        let charges = Set((training + validation + calibration).map { $0.info["charge"]?.double ?? 0 })
        guard charges.count == 1 else { throw RecipeError.mixedCharges(charges.sorted()) }
    }

    /// Returns a frame with a model's forces, and with the model's energy if it has one, instead of the frame's own
    /// labels.
    private static func taught(_ frame: Atoms, by model: any ForceField) throws -> Atoms {
        let prediction = try model.predict(frame)
        var frame = frame
        frame.forces = prediction.forces
        frame.energy = prediction.energy
        return frame
    }

    /// Reads the frames of a file or a data set, and returns them with their digest.
    private static func read(_ path: String) throws -> (frames: [Atoms], digest: Digest) {
        if DataSet.exists(at: path) {
            let set = try DataSet(at: path)
            return (try set.frames(), set.digest)
        }
        return (
            try ExtXYZ.read(path: path), Digest(of: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        )
    }
}

/// The reason why a valid recipe cannot be followed.
public enum RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    case noTrainingFrames
    /// A range of frames that the file does not have.
    case rangeOutside(range: String, file: String, frames: Int)
    case levelOfTheory(found: String?, expected: String, file: String, frame: Int)
    /// The validation frames of this file are labelled by a teacher, so they cannot show how accurate a model is.
    case taughtValidation(file: String)
    /// Frames with more than one total charge (their `charge`, e; 0 if not stated).
    case mixedCharges([Double])

    public var description: String {
        switch self {
        case .noTrainingFrames:
            "the recipe has no training frames, because all of its frames are held out"
        case .rangeOutside(let range, let file, let frames):
            "\(file) has \(counted(frames, "frame")) (0 to \(frames - 1)); the recipe selects \(range)"
        case .levelOfTheory(let found, let expected, let file, let frame):
            "\(file), frame \(frame) is labelled by '\(found ?? "nothing")', not by '\(expected)': "
                + "levels of theory must not be mixed"
        case .taughtValidation(let file):
            "\(file) has a teacher and held-out frames, but the forces of a teacher cannot show how accurate a model is; "
                + "remove 'validation' or 'teacher'"
        case .mixedCharges(let charges):
            "the frames have charges of \(charges.map { String(format: "%g", $0) }.joined(separator: ", ")): "
                + "a model supports one charge; train separate models for charge states"
        }
    }
}

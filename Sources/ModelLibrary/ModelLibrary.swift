public import Atomistics
import Foundation
import ModelFile
import SOAPPotential
import ThiolateGold
import YAMLDocument

/// The trained force fields, by name.
///
/// A model `thiolate-gold` is in the folder `<directory>/thiolate-gold/`: its recipe in
/// `recipe.yaml`, the trained model in `thiolate-gold.aurelax-model`.
public struct ModelLibrary: Sendable {
    public static let fileExtension = "aurelax-model"
    public static let recipeName = "recipe.yaml"

    /// Directories with models, in the order in which a name is looked up.
    public let searchPath: [String]

    public init(searchPath: [String]) {
        self.searchPath = searchPath
    }

    /// Names with a recipe or a trained model, sorted.
    public var names: [String] {
        var found: Set<String> = []
        for directory in searchPath {
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            for entry in entries where isKnown(entry, in: directory) { found.insert(entry) }
        }
        return found.sorted()
    }

    /// Loads the force field of this name, or from this file.
    ///
    /// The file is mapped, so that loading is cheap and jobs share its pages.
    ///
    /// - Parameter nameOrPath: a name, or a path, which contains a slash or has the extension of
    ///   model files.
    /// - Throws: ``ModelLibraryError``, `ModelFileError`.
    public func load(_ nameOrPath: String) throws -> any ForceField {
        let file = try ModelFile(contentsOf: path(of: nameOrPath))
        switch file.kind {
        case OAMLMForceField.kind: return try OAMLMForceField(file)
        case VectorKernelForceField.kind: return try VectorKernelForceField(file)
        case SOAPPotential.fileKind: return try SOAPPotential(file)
        case LearntRelaxation.kind: throw ModelLibraryError.notByItself(path: file.path)
        default: throw ModelLibraryError.unknownKind(file.kind, path: file.path)
        }
    }

    /// Reads the model file of this name completely and checks it against its digests.
    public func verify(_ nameOrPath: String) throws {
        try ModelFile(contentsOf: path(of: nameOrPath)).verify()
    }

    /// Returns the path of the trained model of this name.
    ///
    /// - Throws: ``ModelLibraryError``.
    public func path(of nameOrPath: String) throws(ModelLibraryError) -> String {
        // Without a structure, ``automatic`` means the first default model.
        let nameOrPath = nameOrPath == Self.automatic ? Self.defaultModels[0] : nameOrPath
        if nameOrPath.contains("/") || nameOrPath.hasSuffix("." + Self.fileExtension) {
            guard exists(nameOrPath) else { throw .noFile(nameOrPath) }
            return nameOrPath
        }
        for directory in searchPath {
            let path = modelPath(nameOrPath, in: directory)
            if exists(path) { return path }
        }
        for directory in searchPath {
            let recipe = "\(directory)/\(nameOrPath)/\(Self.recipeName)"
            if exists(recipe) { throw .notTrained(nameOrPath, recipe: recipe) }
        }
        throw .unknownName(nameOrPath, known: names, searchPath: searchPath)
    }

    private func modelPath(_ name: String, in directory: String) -> String {
        "\(directory)/\(name)/\(name).\(Self.fileExtension)"
    }

    private func isKnown(_ name: String, in directory: String) -> Bool {
        exists(modelPath(name, in: directory)) || exists("\(directory)/\(name)/\(Self.recipeName)")
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}

/// The reason why there is no such force field.
public enum ModelLibraryError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownName(String, known: [String], searchPath: [String])
    /// There is a recipe, but the model has not been trained yet.
    case notTrained(String, recipe: String)
    case noFile(String)
    case unknownKind(String, path: String)
    /// The file has the gradients of a learning relaxation, which give forces only together with the base and the
    /// structure of a job.
    case notByItself(path: String)

    public var description: String {
        switch self {
        case .unknownName(let name, let known, let searchPath):
            "there is no model '\(name)'"
                + (closest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? "")
                + (known.isEmpty
                    ? " (no models in \(searchPath.joined(separator: ", ")))"
                    : " (there are: \(known.joined(separator: ", ")))")
        case .notTrained(let name, let recipe):
            "model '\(name)' has a recipe but has not been trained on this machine yet: "
                + "run `make models`, or `aurelax train \(recipe)`"
        case .noFile(let path): "\(path): there is no such model file"
        case .notByItself(let path):
            "\(path): a learning relaxation wrote this file, which cannot predict forces without its base. "
                + "Use it with `base: learnt:JOB` in the dft stage of a job of the same composition"
        case .unknownKind(let kind, let path):
            "\(path): the model is of kind '\(kind)', which this aurelax does not support"
        }
    }
}

extension ModelLibrary {
    /// The name with which the most suitable of the ``defaultModels`` is chosen for a structure.
    public static let automatic = "auto"

    /// The models that ``automatic`` chooses from. The first one is preferred if it knows the structure, because it is
    /// the most accurate one in its domain.
    public static let defaultModels = ["thiolate-gold", "gold-ligands"]

    /// Above this share of atoms out of domain the next model is tried.
    private static let knownShare = 0.02

    /// Returns the name of the model to use for a structure.
    ///
    /// For ``automatic``, chooses the first trained default model with at most 2 % of the atoms out of its domain; if
    /// there is none, the model with the fewest such atoms. A model that lacks an element is chosen only if all models
    /// lack one.
    ///
    /// - Parameters:
    ///   - name: the name of a model, or ``automatic``.
    ///   - atoms: the structure.
    ///   - load: loads a model by its name.
    /// - Throws: the error of `load` for the first default model if none can be loaded.
    public func resolve(
        _ name: String, for atoms: Atoms, load: (String) throws -> any ForceField
    ) throws -> String {
        guard name == Self.automatic else { return name }
        let trained = Self.defaultModels.filter { (try? path(of: $0)) != nil }
        guard trained.count > 1 else { return trained.first ?? Self.defaultModels[0] }
        var best: (name: String, outside: Int)?
        for candidate in trained {
            let model = try load(candidate)
            guard let check = try? DomainCheck(model, atoms) else { continue }
            if check.share <= Self.knownShare { return candidate }
            if check.outsideCount < best?.outside ?? .max { best = (candidate, check.outsideCount) }
        }
        return best?.name ?? trained[trained.count - 1]
    }

    /// Loads the force field of this name, or in this file, for a structure.
    ///
    /// - Throws: ``ModelLibraryError``, `ModelFileError`.
    public func load(_ nameOrPath: String, for atoms: Atoms) throws -> any ForceField {
        try load(resolve(nameOrPath, for: atoms) { try load($0) })
    }
}

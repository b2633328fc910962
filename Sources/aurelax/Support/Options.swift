import ArgumentParser
import Atomistics
import Engines
import Foundation
import ModelLibrary
import SystemPackage
import Workflow

/// The options that select the spool of a command.
struct SpoolOptions: ParsableArguments {
    @Option(
        name: .customLong("spool"),
        help:
            "Folder with inbox, outbox and the daemon's state (default: $AURELAX_SPOOL, else the current folder).",
        completion: .directory)
    var path: String?

    var spool: Spool {
        let path = path ?? ProcessInfo.processInfo.environment[Spool.environmentVariable] ?? "."
        let absolute = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(path))
        return Spool(absolute.lexicallyNormalized())
    }

    var client: SpoolClient { SpoolClient(spool) }
}

/// The options that select the force field of a command.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help:
            "Force field: a name from `aurelax model list`, a model file, or auto: the default model that knows the structure."
    )
    var model = ModelLibrary.automatic

    func forceField(for atoms: Atoms) throws -> any ForceField { try Models.library.load(model, for: atoms) }
}

enum Models {
    /// The folders that are searched for models: those in $AURELAX_MODELS (separated by colons) if it is set;
    /// otherwise `models` in the current folder, `share/aurelax/models` beside an installed program, and
    /// `models` beside the project in which the program was built.
    static var searchPath: [String] {
        if let folders = ProcessInfo.processInfo.environment["AURELAX_MODELS"] {
            return folders.split(separator: ":").map(String.init)
        }
        var candidates = ["models"]
        var folder = URL(fileURLWithPath: Program.path).deletingLastPathComponent()
        for installed in ["../share", "../../share"] {
            candidates.append(
                folder.appendingPathComponent("\(installed)/aurelax/models").standardized.path)
        }
        for _ in 0..<4 {
            candidates.append(folder.appendingPathComponent("models").path)
            folder = folder.deletingLastPathComponent()
        }
        return candidates.filter { FileManager.default.fileExists(atPath: $0) }
    }

    static var library: ModelLibrary { ModelLibrary(searchPath: searchPath) }
}

enum Program {
    /// Path of this program's own file.
    static var path: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments[0]
    }

    /// The Python for calculations and plots: $AURELAX_PYTHON if it is set; otherwise that of the environment
    /// that the project's set-up made in the build folder of this program; otherwise `python3`.
    static var python: String {
        if let named = ProcessInfo.processInfo.environment["AURELAX_PYTHON"] { return named }
        var folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        for _ in 0..<3 {
            let path = folder.appendingPathComponent("python/bin/python").path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
            folder = folder.deletingLastPathComponent()
        }
        return "python3"
    }

    /// Returns the path of a program that is installed beside this one; nil if it is not installed.
    static func sibling(_ name: String) -> String? {
        let path = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name).path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}

/// The options that select an engine of an `aurelax.yaml`, which a command uses instead of a model.
struct EngineOptions: ParsableArguments {
    @Option(help: "Engine of the spool's aurelax.yaml to use instead of a model.")
    var engine: String?
    @Option(
        help: "File that describes the engines (default: aurelax.yaml of the spool).", completion: .file())
    var engines: String?
    @OptionGroup var spool: SpoolOptions
    @Option(parsing: .unconditional, help: "Total charge for the engine, e.")
    var charge = 0
    @Option(help: "Spin multiplicity 2S+1 for the engine (default: the engine's choice).")
    var multiplicity: Int?

    /// - Parameter atoms: the structure that an automatic model is chosen for.
    func forceField(else model: ModelOptions, for atoms: Atoms) throws -> any ForceField {
        guard let engine else { return try model.forceField(for: atoms) }
        let path = engines ?? spool.spool.root.appending(SpoolConfiguration.file).string
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandError(
                .failed,
                "\(path): cannot be read; give the spool (--spool) or the file (--engines) of ‘\(engine)’")
        }
        let (known, report) = try EngineDescription.read(path)
        guard let known else { throw CommandError(.failed, report, hasPlace: true) }
        do {
            return try EngineForceField(
                description: known.named(engine), charge: charge, multiplicity: multiplicity,
                python: Program.python)
        } catch let error as EngineError {
            throw CommandError(.failed, error.description)
        }
    }
}

import ArgumentParser
import Atomistics
import Engines
import Foundation
import SystemPackage
import Workflow

/// The engine of an `aurelax.yaml` that a command uses instead of a model.
struct EngineOptions: ParsableArguments {
    @Option(help: "Engine of the spool's aurelax.yaml to use instead of a model.")
    var engine: String?
    @Option(
        help: "File that describes the engines (default: aurelax.yaml of the spool).", completion: .file())
    var engines: String?
    @OptionGroup var spool: SpoolOptions
    @Option(help: "Total charge for the engine, e.")
    var charge = 0
    @Option(help: "Spin multiplicity 2S+1 for the engine (default: its own choice).")
    var multiplicity: Int?

    /// - Parameter atoms: the structure that an automatic model is chosen for.
    func forceField(else model: ModelOptions, for atoms: Atoms) throws -> any ForceField {
        guard let engine else { return try model.forceField(for: atoms) }
        let path = engines ?? spool.spool.root.appending(SpoolConfiguration.file).string
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandError(
                .failed,
                "\(path): cannot be read; --spool names the spool, or --engines the file, that describes ‘\(engine)’")
        }
        let (known, report) = try EngineDescription.read(path)
        guard let known else { throw CommandError(.failed, report) }
        do {
            return try EngineForceField(
                description: known.named(engine), charge: charge, multiplicity: multiplicity,
                python: Program.python)
        } catch let error as EngineError {
            throw CommandError(.failed, error.description)
        }
    }
}

import ArgumentParser
import Atomistics
import Engines
import Foundation
import Workflow

/// Which engine of an `aurelax.yaml` a command uses in place of a model.
struct EngineOptions: ParsableArguments {
    @Option(help: "Engine of aurelax.yaml in place of a model.")
    var engine: String?
    @Option(help: "File whose engines are meant.", completion: .file())
    var engines = "aurelax.yaml"
    @Option(help: "Total charge for the engine, e.")
    var charge = 0
    @Option(help: "Spin multiplicity 2S+1 for the engine (default: its own choice).")
    var multiplicity: Int?

    func forceField(else model: ModelOptions) throws -> any ForceField {
        guard let engine else { return try model.forceField }
        guard FileManager.default.isReadableFile(atPath: engines) else {
            throw CommandError(
                .failed, "\(engines): cannot be read; --engines names the file that describes ‘\(engine)’")
        }
        let (known, report) = try EngineDescription.read(engines)
        guard let known else { throw CommandError(.failed, report) }
        do {
            return try EngineForceField(
                description: known.named(engine), charge: charge, multiplicity: multiplicity,
                python: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3")
        } catch let error as EngineError {
            throw CommandError(.failed, error.description)
        }
    }
}

import ArgumentParser
import Atomistics
import Relaxation

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predict energies and forces for every structure in a file.",
        discussion: """
            Writes each frame with ml_forces (eV/Å), ml_class, ml_uncertainty (expected error of the force, \
            eV/Å), ml_out_of_domain and, if the model has energies, ml_energy (eV). Energies and forces of \
            the input are left out.

              aurelax predict in.extxyz -o out.extxyz
            """)

    @Argument(help: "Structure file.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
    var output: String
    @OptionGroup var model: ModelOptions
    @OptionGroup var formats: FormatOptions
    @OptionGroup var engine: EngineOptions

    func run() throws {
        var chosen: (any ForceField)?
        var writer = try FrameWriter(output)
        // Warnings that differ only in their numbers are printed once.
        var warnings: [(frame: Int, text: String, kind: String, others: Int)] = []
        defer {
            for (frame, text, _, others) in warnings {
                let more = others == 0 ? "" : " (and in \(others) more \(others == 1 ? "frame" : "frames"))"
                printError("warning: \(input), frame \(frame): \(text)\(more)")
            }
        }
        try forEachFrame(in: input, format: formats.format, output: output) { atoms, index in
            // An automatic model is chosen for the first frame.
            let forceField = try chosen ?? engine.forceField(else: model, for: atoms)
            chosen = forceField
            let prediction = try forceField.predict(atoms)
            for warning in prediction.warnings {
                let kind = warning.filter { !$0.isNumber }
                if let known = warnings.firstIndex(where: { $0.kind == kind }) {
                    warnings[known].others += 1
                } else {
                    warnings.append((index, warning, kind, 0))
                }
            }
            try writer.write(atoms.annotated(with: prediction, by: forceField.provenance))
        }
        try writer.finish()
    }
}

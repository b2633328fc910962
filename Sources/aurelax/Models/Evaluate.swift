import ArgumentParser
import Atomistics
import Foundation
import ModelLibrary

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a force field with labelled structures.",
        discussion: """
            Prints for each class of atom: number, RMSE of the force's norm, angle (weighted by |F|², median, mean), RMSE \
            of the force vector, and the agreement of expected and true errors. An extxyz file in \
            place of the model gives the forces of another method for the same structures.

              aurelax evaluate thiolate-gold test.extxyz
              aurelax evaluate gfn1.extxyz test.extxyz
              aurelax evaluate thiolate-gold-oamlm test.extxyz --doubts --plots figures
            """)

    @Argument(help: "A model's name, a model file, or an extxyz file of the same frames by another method.")
    var model: String
    @Argument(help: "extxyz file with forces.", completion: .file())
    var structures: String
    @Option(parsing: .unconditional, help: "Frames to compare, as in Python: a number, A:B or A:B:S.")
    var frames: FrameSelection?
    @Option(
        help: "Folder for plots of norms and angles, as SVG and PNG (matplotlib).", completion: .directory)
    var plots: String?
    @Flag(help: "Print how well each of the model's signs of doubt predicts errors.")
    var doubts = false
    @Flag(help: "JSON on standard output.")
    var json = false

    func run() throws {
        let chosen = try chosenFrames(of: structures)
        let bar = ProgressBar("of \(counted(chosen.count, "frame"))")
        let comparison =
            if model.hasSuffix("xyz") {
                try ForceComparison(try chosenFrames(of: model), named: model, on: chosen)
            } else {
                try ForceComparison(try Models.library.load(model), on: chosen) {
                    bar.show(Double($0) / Double(chosen.count))
                }
            }
        bar.clear()
        let evaluation = Evaluation(comparison)
        print(try json ? String(decoding: evaluation.json, as: UTF8.self) : evaluation.table)
        if doubts, !json {
            print("\n" + (evaluation.indicatorTable ?? "\(model) gives no expected errors"))
        }
        if let plots {
            for path in try ForcePlots(comparison).draw(in: plots, python: Program.python) {
                printError(path)
            }
        }
    }

    private func chosenFrames(of path: String) throws -> [Atoms] {
        let range = try frames?.range(in: path)
        var chosen: [Atoms] = []
        try forEachFrame(in: path) { atoms, index in
            if range?.contains(index) ?? true { chosen.append(atoms) }
        }
        return chosen
    }
}

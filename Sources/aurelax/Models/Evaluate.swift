import ArgumentParser
import Atomistics
import Foundation
import ModelLibrary

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a force field with labelled structures.",
        discussion: """
            Per class of atom: number, RMSE of the force's norm, angle (weighted by |F|², median, mean), RMSE \
            of the force vector, and how well the expected errors fit the true ones. An extxyz file in the \
            model's place gives another method's forces on the same structures.

              aurelax evaluate thiolate-gold test.extxyz
              aurelax evaluate gfn1.extxyz test.extxyz
            """)

    @Argument(help: "A model's name, a model file, or an extxyz file of the same frames by another method.")
    var model: String
    @Argument(help: "extxyz file with forces.", completion: .file())
    var structures: String
    @Option(parsing: .unconditional, help: "Which frames, as in Python: a number, A:B or A:B:S.")
    var frames: FrameSelection?
    @Flag(help: "JSON on standard output.")
    var json = false

    func run() throws {
        let chosen = try chosenFrames(of: structures)
        let evaluation =
            if model.hasSuffix("xyz") {
                try Evaluation(try chosenFrames(of: model), named: model, on: chosen)
            } else {
                try Evaluation(try Models.library.load(model), on: chosen)
            }
        print(try json ? String(decoding: evaluation.json, as: UTF8.self) : evaluation.table)
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

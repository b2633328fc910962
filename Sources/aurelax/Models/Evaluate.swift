import ArgumentParser
import Atomistics
import Foundation
import ModelLibrary

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a force field with labelled structures.",
        discussion: """
            Per class of atom: number, RMSE of the force's norm, angle (weighted by |F|², median, mean), RMSE \
            of the force vector, and how well the expected errors fit the true ones.

              aurelax evaluate thiolate-gold test.extxyz
            """)

    @Argument(help: "A model's name, or a model file.")
    var model: String
    @Argument(help: "extxyz file with forces.", completion: .file())
    var structures: String
    @Option(parsing: .unconditional, help: "Which frames, as in Python: a number, A:B or A:B:S.")
    var frames: FrameSelection?
    @Flag(help: "JSON on standard output.")
    var json = false

    func run() throws {
        let forceField = try Models.library.load(model)
        let range = try frames?.range(in: structures)
        var chosen: [Atoms] = []
        try forEachFrame(in: structures) { atoms, index in
            if range?.contains(index) ?? true { chosen.append(atoms) }
        }
        let evaluation = try Evaluation(forceField, on: chosen)
        print(try json ? String(decoding: evaluation.json, as: UTF8.self) : evaluation.table)
    }
}

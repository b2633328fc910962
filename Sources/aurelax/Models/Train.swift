import ArgumentParser
import Atomistics
import Foundation
import ModelLibrary

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a force field from its recipe.",
        discussion: """
            The same recipe and data give the same bytes on one machine. If the recipe has validation frames, \
            the errors on them are printed.

              aurelax train models/thiolate-gold/recipe.yaml
              aurelax train models/thiolate-gold/recipe.yaml --data mine.extxyz -o mine.aurelax-model
            """)

    @Argument(help: "Recipe (YAML).", completion: .file(extensions: ["yaml"]))
    var recipe: String
    @Option(
        parsing: .upToNextOption,
        help: "Additional extxyz files for training, at the recipe's level of theory.",
        completion: .file(extensions: ["extxyz", "xyz"]))
    var data: [String] = []
    @Option(name: .shortAndLong, help: "Model file to write (default: beside the recipe).")
    var output: String?
    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() throws {
        let file = RecipeFile(try bytes(of: recipe), file: recipe)
        if !file.diagnostics.isEmpty { printError(file.report) }
        guard var recipe = file.recipe else { throw ExitCode(1) }
        recipe.data += data.map { .init(file: URL(fileURLWithPath: $0).path) }
        let start = ContinuousClock.now
        let bar = ProgressBar("trained")
        let progress = TrainingProgress { news in
            switch news {
            case .line(let line): bar.say("[\(Int(start.duration(to: .now) / .seconds(1))) s] \(line)")
            case .fraction(let fraction): bar.show(fraction)
            }
        }
        let report = try recipe.train(writeTo: output, progress: progress)
        bar.clear()
        if json {
            print(try jsonText(report))
            return
        }
        print("\(report.path): \(report.name) (\(report.kind)), version \(report.version)")
        print(
            "\(counted(report.frames, "frame")), \(report.bytes / 1_000_000) MB, "
                + String(format: "%.0f s", report.seconds))
        if let validation = report.validation {
            print("on \(report.validationFrames) held-out frames:\n\(validation.table)")
        }
    }
}

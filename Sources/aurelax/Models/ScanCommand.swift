import ArgumentParser
import Foundation
import ModelLibrary

struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Compare descriptors: learn from one structure, predict another.",
        discussion: """
            For every parameter set of the scan's grids, machines learn from each structure and predict the \
            others; tables of the errors, the best first, end it. Results are kept as JSON lines as they come: \
            the same command goes on where it was stopped.

              aurelax scan workflows/soap-scan/scan.yaml
            """)

    @Argument(help: "Scan (YAML).", completion: .file(extensions: ["yaml"]))
    var scan: String
    @Option(name: .shortAndLong, help: "File of results (default: NAME.results.jsonl beside the scan).")
    var output: String?
    @Option(help: "Rows of each class's table.")
    var rows = 10
    @Flag(help: "The records as JSON on standard output.")
    var json = false

    func run() throws {
        let file = ScanFile(try bytes(of: scan), file: scan)
        if !file.diagnostics.isEmpty { printError(file.report) }
        guard let scan = file.scan else { throw ExitCode(1) }
        let records = try scan.run(resultsAt: output) { printError(Self.line($0)) }
        print(json ? try jsonText(records) : ScanTable(records).text(most: max(1, rows)))
    }

    private static func line(_ progress: ScanProgress) -> String {
        var line = "[\(Int(progress.elapsed)) s] \(progress.done) of \(progress.total) descriptors"
        if let last = progress.last {
            line += String(
                format: "; r_cut %g, sigma %g, n_max %d, l_max %d took %.1f s", last.descriptor.rCut,
                last.descriptor.sigma, last.descriptor.nMax, last.descriptor.lMax, last.seconds)
        }
        if let left = progress.secondsLeft, progress.done < progress.total {
            line += left < 90 ? "; \(Int(left)) s left" : "; \(Int(left / 60 + 0.5)) min left"
        }
        return line
    }
}

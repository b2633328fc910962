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
        let records = try scan.run(resultsAt: output) { printError($0.description) }
        print(json ? try jsonText(records) : ScanTable(records).text(most: max(1, rows)))
    }
}

import ArgumentParser
import Foundation
import ModelLibrary
import Workflow

struct ScanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Compare descriptors: train on one structure, predict another.",
        discussion: """
            For every parameter set of the scan's grids, models are trained on each structure and predict the \
            others; tables of the errors, the best first, are printed at the end. Results are saved as JSON lines: \
            an interrupted scan resumes with the same command.

            With --slurm the missing sets are submitted as one array with the settings of the spool's aurelax.yaml; \
            the same command then shows their progress, resubmits failed ones, and prints the \
            tables when all are done.

              aurelax scan workflows/soap-scan/scan.yaml
            """)

    @Argument(help: "Scan (YAML).", completion: .file(extensions: ["yaml"]))
    var scan: String
    @Option(name: .shortAndLong, help: "File of results (default: NAME.results.jsonl beside the scan).")
    var output: String?
    @Option(help: "Number of rows in each class's table.")
    var rows = 10
    @Flag(help: "Print the results of all sets as JSON, instead of the tables.")
    var json = false
    @Flag(help: "Run through Slurm, one array element per set.")
    var slurm = false
    @Option(help: "Compute only this parameter set, from 1; used by array elements.")
    var set: Int?
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        if slurm, set != nil { throw ValidationError("--slurm runs all sets and cannot be used with --set.") }
    }

    func run() async throws {
        let file = ScanFile(try bytes(of: scan), file: scan)
        if !file.diagnostics.isEmpty { printError(file.report) }
        guard let scan = file.scan else { throw ExitCode(1) }
        if let set {
            let record = try scan.run(set: set, resultsAt: output)
            print(try jsonText(record))
            return
        }
        if slurm {
            let missing = try scan.missingSets(resultsAt: output)
            guard missing.isEmpty else {
                print(try await array(scan).submit(missing, of: scan.points.count))
                return
            }
        }
        let records = try scan.run(resultsAt: output) { printError($0.description) }
        print(json ? try jsonText(records) : ScanTable(records).text(most: max(1, rows)))
    }

    /// Returns the array with absolute paths, because the nodes have neither this working folder nor this
    /// PATH.
    private func array(_ scan: Scan) throws -> ScanArray {
        func absolute(_ path: String) -> String {
            URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        }
        let results = absolute(output ?? scan.resultsPath)
        return ScanArray(
            name: scan.name, results: results, program: Program.path,
            arguments: ["scan", absolute(self.scan), "--output", results, "--set"],
            configuration: try SpoolConfiguration.read(of: spool.spool))
    }
}

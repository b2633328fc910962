import ArgumentParser
import Foundation
import ModelLibrary
import Workflow

struct ScanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Compare descriptors: learn from one structure, predict another.",
        discussion: """
            For every parameter set of the scan's grids, machines learn from each structure and predict the \
            others; tables of the errors, the best first, end it. Results are kept as JSON lines as they come: \
            the same command goes on where it was stopped.

            With --slurm the sets that are missing go to Slurm as one array, as the spool's aurelax.yaml says; \
            the same command then says how they stand, submits what came to nothing again, and ends with the \
            tables when all are there.

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
    @Flag(help: "Through Slurm, a set an element of an array.")
    var slurm = false
    @Option(help: "One parameter set alone, by its number from 1: what an element of an array does.")
    var set: Int?
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        if slurm, set != nil { throw ValidationError("--slurm is about all sets, --set about one.") }
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

    /// The nodes know neither this folder nor this path.
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

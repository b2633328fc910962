import ArgumentParser
import Foundation
import Reports
import Workflow

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract:
            "Write a report about a job as one HTML file: verdict, curves, structures, settings, files.",
        discussion: """
            The file is self-contained and needs no network. It shows the trajectory in a viewer if chemiscope is \
            installed for the Python in $AURELAX_PYTHON. --figures writes the curves and an overview as SVG, and as PNG if \
            rsvg-convert (Debian: librsvg2-bin) is installed. When a job ends, the daemon writes the page without the \
            viewer, report.html in the job's folder.
            """)

    @Argument(help: "Name of the job.")
    var job: String
    @Option(name: .shortAndLong, help: "HTML file to write (default: <job>.html), or - for standard output.")
    var output: String?
    @Option(help: "Folder for the figures as SVG and PNG.", completion: .directory)
    var figures: String?
    @Flag(inversion: .prefixedNo, help: "Include the trajectory viewer (3 MB of script).")
    var viewer = true
    @OptionGroup var spool: SpoolOptions

    func run() async throws {
        let report = try spool.client.report(of: job)
        let script = viewer ? StructureViewer(python: Program.python) : nil
        if viewer, script == nil {
            printError(
                "chemiscope is not installed for \(Program.python): the page has no viewer (set AURELAX_PYTHON to a Python that has it)"
            )
        }
        let page = report.page(viewer: script)
        let output = output ?? "\(job).html"
        if output == "-" {
            print(page, terminator: "")
        } else {
            try Data(page.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
            printError(output)
        }
        if let figures { try await write(report.figures, into: figures) }
    }
}

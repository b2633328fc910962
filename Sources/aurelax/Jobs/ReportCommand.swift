import ArgumentParser
import Foundation
import Reports
import Workflow

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "A page about a job in one HTML file: verdict, curves, structures, settings, files.",
        discussion: """
            The file needs no network and no other file. The trajectory turns in a viewer where chemiscope is \
            installed beside the Python in $AURELAX_PYTHON. --figures writes the curves, and a picture of it all, as SVG, and as PNG where \
            rsvg-convert (Debian: librsvg2-bin) is installed. When a job ends, the daemon writes the page without the \
            viewer, report.html in the job's folder.
            """)

    @Argument(help: "Name of the job.")
    var job: String
    @Option(name: .shortAndLong, help: "HTML file to write (default: <job>.html), or - for standard output.")
    var output: String?
    @Option(help: "Folder for the figures as SVG and PNG.", completion: .directory)
    var figures: String?
    @Flag(inversion: .prefixedNo, help: "With the trajectory in a viewer (3 MB of script).")
    var viewer = true
    @OptionGroup var spool: SpoolOptions

    func run() async throws {
        let report = try spool.client.report(of: job)
        let script = viewer ? StructureViewer(python: Program.python) : nil
        if viewer, script == nil {
            printError(
                "no chemiscope beside \(Program.python): the page has no viewer (AURELAX_PYTHON names a Python with it)"
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

import ArgumentParser
import Foundation
import Reports
import Subprocess
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
        if let figures { try await draw(report, in: figures) }
    }

    private func draw(_ report: JobReport, in folder: String) async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, svg) in report.figures {
            let path = "\(folder)/\(name)"
            try Data(svg.utf8).write(to: URL(fileURLWithPath: path + ".svg"), options: .atomic)
            printError(path + ".svg")
            let end = try? await Subprocess.run(
                .name("rsvg-convert"),
                arguments: [
                    "--zoom", "2", "--background-color", "white", "-o", path + ".png", path + ".svg",
                ],
                output: .discarded, error: .discarded)
            guard let end, end.terminationStatus.isSuccess else {
                printError("no \(path).png: rsvg-convert is not installed (Debian: librsvg2-bin) or failed")
                continue
            }
            printError(path + ".png")
        }
    }
}

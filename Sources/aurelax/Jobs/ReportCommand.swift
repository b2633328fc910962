import ArgumentParser
import Foundation
import Reports
import Subprocess
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
                "chemiscope is not installed for \(Program.python), so the page has no viewer (set AURELAX_PYTHON "
                    + "to a Python that has it)")
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

/// Writes drawings as SVG, and as PNG if rsvg-convert is installed, into a folder, which is created if it is
/// missing.
func write(_ figures: [(name: String, svg: String)], into folder: String) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, svg) in figures {
        let path = "\(folder)/\(name)"
        try Data(svg.utf8).write(to: URL(fileURLWithPath: path + ".svg"), options: .atomic)
        printError(path + ".svg")
        let end = try? await Subprocess.run(
            .name("rsvg-convert"),
            arguments: ["--zoom", "2", "--background-color", "white", "-o", path + ".png", path + ".svg"],
            output: .discarded, error: .discarded)
        guard let end, end.terminationStatus.isSuccess else {
            printError("no \(path).png: rsvg-convert is not installed (Debian: librsvg2-bin) or failed")
            continue
        }
        printError(path + ".png")
    }
}

import ArgumentParser
import Foundation
import Workflow

struct Table: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Results of jobs as a table: text, CSV or JSON.",
        discussion: """
              aurelax table                                              all jobs
              aurelax table ring4 ring5 --columns name,energy,gap,fmax,steps,rmsd
              aurelax table --state completed --csv > results.csv

            Columns: \(JobRow.columns.joined(separator: ", ")). Energies in eV, forces in eV/Å, lengths in Å, times \
            in s; energy, gap and fmax are the last calculation's (level says which), ml_energy and ml_fmax the model's.
            """)

    @Argument(help: "Names of jobs (default: all jobs).")
    var jobs: [String] = []
    @Option(help: "Show only jobs in this state; may be given more than once.")
    var state: [JobState] = []
    @Option(help: "Columns, separated by commas (default: a selection for text, else all).")
    var columns: Columns?
    @Flag(help: "Print comma-separated values, with the units in the heading.")
    var csv = false
    @Flag(help: "Print JSON: an array of objects with every column.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    struct Columns: ExpressibleByArgument {
        var names: [String]

        init?(argument: String) {
            names = argument.split(separator: ",").map(String.init)
            guard !names.isEmpty, names.allSatisfy(JobRow.columns.contains) else { return nil }
        }
    }

    private static let usual = [
        "name", "state", "formula", "charge", "level", "energy", "gap", "fmax", "ml_steps", "steps",
        "gradient_calls",
        "seconds", "rmsd",
    ]

    func validate() throws {
        guard !(csv && json) else { throw ValidationError("--csv or --json, not both") }
    }

    func run() throws {
        let rows = try spool.client.rows(of: jobs).filter { state.isEmpty || state.contains($0.state) }
        if json { return print(try jsonText(rows)) }
        let names = columns?.names ?? (csv ? JobRow.columns : Self.usual)
        if csv {
            let head = names.map { name in JobRow.unit(of: name).map { "\(name) (\($0))" } ?? name }
            for line in [head] + rows.map({ row in names.map(row.text) }) {
                print(line.map(Self.quoted).joined(separator: ","))
            }
            return
        }
        guard !rows.isEmpty else { return print(state.isEmpty ? "no jobs" : "no such jobs") }
        let lines =
            [names.map { $0.uppercased() }]
            + rows.map { row in names.map { row.text(of: $0).isEmpty ? "-" : row.text(of: $0) } }
        let widths = names.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        for line in lines {
            let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            print(cells.joined(separator: "  ").trimmingSuffix(while: { $0 == " " }))
        }
    }

    /// Quotes a cell as RFC 4180 requires.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }
}

extension String {
    fileprivate func trimmingSuffix(while isSpare: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, isSpare(last) { text.removeLast() }
        return String(text)
    }
}

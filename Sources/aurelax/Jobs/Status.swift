import ArgumentParser
import Foundation
import Workflow

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Where the jobs are.",
        discussion: """
            A table of all jobs, or of one; --json prints an object with `jobs`, each with name, state, \
            reason, stage, step and fmax (eV/Å). States: queued, running, waiting-for-dft, completed, failed, \
            cancelled, paused.
            """)

    @Argument(help: "Name of a job; all by default.")
    var job: String?
    @Flag(help: "JSON on standard output.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    private struct List: Encodable { let jobs: [JobStatus] }

    func run() throws {
        let client = spool.client
        let jobs = try job.map { [try client.status(of: $0)] } ?? client.statuses()
        if json {
            print(try jsonText(List(jobs: jobs)))
        } else if jobs.isEmpty {
            print("no jobs")
        } else {
            print(table(jobs), terminator: "")
        }
    }

    private func table(_ jobs: [JobStatus]) -> String {
        let head = ["NAME", "STATE", "STAGE", "STEP", "FMAX", "REASON"]
        let rows = jobs.map { job in
            [
                job.name, job.state.rawValue, "\(job.stage)/\(job.stages) \(job.kind.rawValue)",
                job.step.map(String.init) ?? "-", job.fmax.map { String(format: "%.3f", $0) } ?? "-",
                String(job.reason.prefix { !$0.isNewline }),
            ]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            let cells = zip(row, widths).enumerated().map { index, cell in
                index == row.count - 1
                    ? cell.0 : cell.0 + String(repeating: " ", count: cell.1 - cell.0.count)
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What became of a job so far: its stages, with numbers, units and level of theory.")

    @Argument(help: "Name of the job.")
    var job: String
    @OptionGroup var spool: SpoolOptions

    func run() throws { print(try spool.client.summary(of: job), terminator: "") }
}

struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A job's history.",
        discussion: "The optimiser's own log of each stage is in the job's folder in the outbox.")

    @Argument(help: "Name of the job.")
    var job: String
    @Flag(name: .shortAndLong, help: "Go on until the job ends.")
    var follow = false
    @OptionGroup var spool: SpoolOptions

    func run() async throws {
        let client = spool.client
        var shown = 0
        while true {
            let isFinal = try client.status(of: job).state.isFinal
            let history = try client.history(of: job)
            for entry in history.dropFirst(shown) {
                print("\(entry.at.formatted(.iso8601))  \(entry.text)")
            }
            shown = history.count
            guard follow, !isFinal else { return }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

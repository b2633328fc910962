import ArgumentParser
import Foundation
import Reports
import Workflow

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the state of all jobs, or of one job with its stages.",
        discussion: """
            Prints a table of all jobs, active ones first, and the files that still wait in the inbox. --json prints an \
            object with `jobs` (of each: name, state, reason, stage, step, fmax in eV/Å), `inbox` (the waiting files) \
            and `notes` (the reasons why they wait, by file). States: queued, running, waiting-for-dft, completed, failed, cancelled, \
            paused. The arrow after fmax is its trend; LEFT is the estimated time until convergence.
            """)

    @Argument(help: "Name of a job (default: all jobs).")
    var job: String?
    @Option(help: "Show only jobs in this state; may be repeated.")
    var state: [JobState] = []
    @Flag(help: "Print JSON.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let client = spool.client
        let jobs = try job.map { [try client.status(of: $0)] } ?? client.statuses(inTurn: state)
        let inbox = job == nil && state.isEmpty ? client.filesInInbox() : []
        let notes = job == nil && state.isEmpty ? client.inboxNotes() : [:]
        if json { return print(try jsonText(JobList(jobs: jobs, inbox: inbox, notes: notes))) }
        if jobs.isEmpty {
            if inbox.isEmpty, notes.isEmpty { print(state.isEmpty ? "no jobs" : "no jobs in this state") }
        } else {
            let table = JobTable(rows: jobs.map { .init($0, client) }, colours: Terminal.hasColours)
            print(table.lines().joined(separator: "\n"))
            if job != nil { try printDetails(jobs[0], client) }
        }
        if !inbox.isEmpty {
            let shown = inbox.prefix(20).joined(separator: " ") + (inbox.count > 20 ? " …" : "")
            print("in the inbox, not accepted yet: \(shown)")
            if try client.health() == nil {
                print("no daemon is running here: start one with `aurelax daemon`")
            }
        }
        for (file, why) in notes.sorted(by: { $0.key < $1.key }).prefix(20) { print("  \(file): \(why)") }
        if notes.count > 20 { print("  … and \(notes.count - 20) more") }
    }

    private func printDetails(_ status: JobStatus, _ client: SpoolClient) throws {
        let report = try client.report(of: status.name)
        for stage in report.stages {
            print("\nstage \(stage.name)")
            if stage.facts.isEmpty {
                let last = stage.curve.entries.last
                print("  " + (last.map { "step \($0.step), fmax \($0.fmax) eV/Å" } ?? "no step yet"))
            }
            for (name, value) in stage.facts { print("  \(name): \(value)") }
            for warning in stage.warnings { print("  warning: \(warning)") }
        }
        print("\nfiles: \(client.spool.folder(ofJob: status.name))")
        print("next: \(status.next)")
    }
}

extension JobState: ExpressibleByArgument {}

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the results of a job so far: its stages, with numbers, units and level of theory.")

    @Argument(help: "Name of the job.")
    var job: String
    @OptionGroup var spool: SpoolOptions

    func run() throws { print(try spool.client.summary(of: job), terminator: "") }
}

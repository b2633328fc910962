import ArgumentParser
import Foundation
import Workflow

struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a job's history, or the optimiser's log of one of its stages.")

    @Argument(help: "Name of the job.")
    var job: String
    @Flag(name: .shortAndLong, help: "Follow it until the job ends.")
    var follow = false
    @Option(help: "Show the optimiser's log of this stage (from 1), last attempt.")
    var stage: Int?
    @Flag(help: "One line of JSON per entry, as in the job's events.jsonl.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard stage == nil || !json else {
            throw ValidationError("--json applies to the history and cannot be used with --stage")
        }
    }

    func run() async throws {
        let client = spool.client
        if follow { _ = try await client.arrival(of: job) }
        var shown = 0
        while true {
            let isFinal = try client.status(of: job).state.isFinal
            let lines = try lines(client)
            for line in lines.dropFirst(shown) { print(line) }
            fflush(nil)
            shown = lines.count
            guard follow, !isFinal else { return }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func lines(_ client: SpoolClient) throws -> [String] {
        if let stage { return try client.optimizerLog(of: job, stage: stage) }
        return try client.history(of: job).map { entry in
            json
                ? String(try entry.jsonLine(of: job).dropLast())
                : "\(entry.at.formatted(.iso8601))  \(entry.text)"
        }
    }
}

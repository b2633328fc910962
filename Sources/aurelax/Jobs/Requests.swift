import ArgumentParser
import Workflow

/// A user's request for one job.
protocol RequestCommand: ParsableCommand {
    static var request: JobRequest { get }
    var jobs: [String] { get }
    var spool: SpoolOptions { get }
}

extension RequestCommand {
    func run() throws {
        for job in jobs {
            let status = try spool.client.request(Self.request, of: job)
            print("\(status.name): \(status.state.rawValue)")
        }
    }
}

struct Cancel: RequestCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel jobs; their results so far stay in the outbox.")
    static let request = JobRequest.cancel

    @Argument(help: "Names of jobs.")
    var jobs: [String]
    @OptionGroup var spool: SpoolOptions
}

struct Pause: RequestCommand {
    static let configuration = CommandConfiguration(abstract: "Pause jobs until they are resumed.")
    static let request = JobRequest.pause

    @Argument(help: "Names of jobs.")
    var jobs: [String]
    @OptionGroup var spool: SpoolOptions
}

struct Resume: RequestCommand {
    static let configuration = CommandConfiguration(abstract: "Resume paused jobs.")
    static let request = JobRequest.resume

    @Argument(help: "Names of jobs.")
    var jobs: [String]
    @OptionGroup var spool: SpoolOptions
}

struct Retry: RequestCommand {
    static let configuration = CommandConfiguration(
        abstract: "Retry the stage at which jobs failed or were cancelled.")
    static let request = JobRequest.retry

    @Argument(help: "Names of jobs.")
    var jobs: [String]
    @OptionGroup var spool: SpoolOptions
}

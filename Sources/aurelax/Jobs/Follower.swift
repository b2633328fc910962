import ArgumentParser
import Foundation
import Workflow

/// Prints how a job gets on, until it ends.
struct Follower {
    let client: SpoolClient
    let job: String

    /// - Throws: `ExitCode` 1 where the job does not end well.
    func follow() async throws {
        let start = ContinuousClock.now
        var last = ""
        while true {
            let status = try? client.status(of: job)
            if status == nil, !client.isInInbox(job) {
                // Between the inbox and the store, or set aside.
                try await Task.sleep(for: .milliseconds(500))
                if (try? client.status(of: job)) == nil, !client.isInInbox(job),
                    let rejection = client.rejection(of: job)
                {
                    printError(rejection)
                    throw ExitCode(ExitStatus.failed.rawValue)
                }
            }
            let line = status.map(text) ?? "waiting for the daemon to take the job in"
            if line != last {
                let seconds = Int(start.duration(to: .now) / .seconds(1))
                print("\(pad("\(seconds) s", 7))  \(line)")
                fflush(nil)
                last = line
            }
            if let status, status.state.isFinal {
                guard status.state == .completed else { throw ExitCode(ExitStatus.failed.rawValue) }
                return
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func text(_ status: JobStatus) -> String {
        var parts = ["stage \(status.stage)/\(status.stages) \(status.kind.rawValue)"]
        if let step = status.step { parts.append("step \(step)") }
        if let fmax = status.fmax { parts.append(String(format: "fmax %.4f eV/Å", fmax)) }
        return parts.joined(separator: "  ") + "  \(status.state.rawValue): \(status.reason)"
    }

    private func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

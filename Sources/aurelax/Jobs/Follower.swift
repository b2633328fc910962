import ArgumentParser
import Foundation
import Workflow

/// The progress of a job, printed until the job ends.
struct Follower {
    let client: SpoolClient
    let job: String

    /// Prints the progress until the job ends.
    ///
    /// - Throws: `ExitCode` 1 if the job ends without being completed.
    func follow() async throws {
        let start = ContinuousClock.now
        var last = ""
        func say(_ line: String) {
            guard line != last else { return }
            let seconds = Int(start.duration(to: .now) / .seconds(1))
            print("\(pad("\(seconds) s", 7))  \(line)")
            fflush(nil)
            last = line
        }
        var status = try await client.arrival(of: job) { say("waiting for the daemon to accept the job") }
        while !status.state.isFinal {
            say(text(status))
            try await Task.sleep(for: .seconds(1))
            status = try client.status(of: job)
        }
        say(text(status))
        guard status.state == .completed else { throw ExitCode(ExitStatus.failed.rawValue) }
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

extension SpoolClient {
    /// Waits until the daemon has accepted the job, and returns its status.
    ///
    /// - Parameter isWaiting: called at every unsuccessful poll.
    /// - Throws: `ExitCode` 1 if the job was set aside, after printing the reasons.
    func arrival(of job: String, isWaiting: () -> Void = {}) async throws -> JobStatus {
        while true {
            do {
                return try status(of: job)
            } catch WorkflowError.notTakenIn {
                isWaiting()
                try await Task.sleep(for: .milliseconds(300))
            } catch WorkflowError.noSuchJob(let name) {
                guard let rejection = rejection(of: job) else { throw WorkflowError.noSuchJob(name) }
                printError(rejection)
                throw ExitCode(ExitStatus.failed.rawValue)
            }
        }
    }
}

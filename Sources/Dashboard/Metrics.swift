import Foundation
import Workflow

/// The state of the spool in the text format of Prometheus, version 0.0.4.
struct Metrics {
    let text: String

    init(_ client: SpoolClient) throws {
        let jobs = try client.statuses()
        let health = try client.health()
        var text = ""
        func metric(_ name: String, _ help: String, _ values: [(labels: String, value: Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
            for (labels, value) in values { text += "\(name)\(labels) \(value)\n" }
        }
        metric(
            "aurelax_jobs", "Jobs in each state.",
            JobState.allCases.map { state in
                ("{state=\"\(state.rawValue)\"}", jobs.count { $0.state == state })
            })
        metric("aurelax_up", "1 if a daemon is running on the spool.", [("", health == nil ? 0 : 1)])
        metric(
            "aurelax_degraded", "Number of problems that the daemon has at present.",
            [("", health?.degraded.count ?? 0)])
        let oldest = jobs.filter { !$0.state.isFinal && $0.state != .paused }.map(\.accepted).min()
        metric(
            "aurelax_oldest_open_job_seconds", "Seconds since the oldest open job was accepted.",
            [("", oldest.map { max(0, Int(Date().timeIntervalSince($0))) } ?? 0)])
        self.text = text
    }
}

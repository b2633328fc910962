import Foundation
import Reports
import Workflow

/// Jobs as lines of text: their stages, their progress, their reasons for waiting.
struct JobTable {
    struct Row {
        let status: JobStatus
        let curve: OptimizerCurve

        init(_ status: JobStatus, _ client: SpoolClient) {
            self.status = status
            curve = client.curve(of: status)
        }
    }

    let rows: [Row]
    var colours = false
    /// Number of columns; longer lines are cut. Nil means no limit.
    var width: Int?
    /// Whether to add a small curve of fmax.
    var curves = false

    private static let head = ["NAME", "STATE", "STAGE", "STEP", "FMAX", "ELAPSED", "LEFT"]

    /// Returns the heading and one line per job.
    func lines(now: Date = Date()) -> [String] {
        let cells = rows.map { row in Self.cells(row, now) }
        let widths = Self.head.indices.map { column in
            ([Self.head] + cells).map { $0[column].count }.max() ?? 0
        }
        let head = line(Self.head, widths, last: curves ? "CURVE     REASON" : "REASON", state: nil)
        return [head]
            + zip(rows, cells).map { row, cells in
                let reason = String(row.status.reason.prefix { !$0.isNewline })
                let curve = row.curve.sparkline(width: 8)
                let padded = curve + String(repeating: " ", count: 10 - curve.count)
                return line(cells, widths, last: curves ? padded + reason : reason, state: row.status.state)
            }
    }

    private func line(_ cells: [String], _ widths: [Int], last: String, state: JobState?) -> String {
        var text =
            zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) + "  " }.joined()
            + last
        if let width, text.count > width { text = text.prefix(max(0, width - 1)) + "…" }
        guard colours, let state, let range = text.range(of: state.rawValue) else { return text }
        return text.replacingCharacters(in: range, with: "\u{1B}[\(state.colour)m\(state.rawValue)\u{1B}[0m")
    }

    private static func cells(_ row: Row, _ now: Date) -> [String] {
        let job = row.status
        let end = job.state.isFinal ? job.updated : now
        let left = job.fmaxLimit.flatMap(row.curve.secondsLeft)
        return [
            job.name, job.state.rawValue, "\(job.stage)/\(job.stages) \(job.kind.rawValue)",
            job.step.map(String.init) ?? "-",
            job.fmax.map { String(format: "%.3f", $0) + row.curve.trend } ?? "-",
            duration(end.timeIntervalSince(job.accepted)), left.map { "~" + duration($0) } ?? "-",
        ]
    }

    /// Returns a duration in at most two units: `42s`, `12m03s`, `5h07m`, `3d04h`.
    static func duration(_ seconds: TimeInterval) -> String {
        let s = Int(min(max(0, seconds), 1e9))
        switch s {
        case ..<60: return "\(s)s"
        case ..<3600: return String(format: "%dm%02ds", s / 60, s % 60)
        case ..<86_400: return String(format: "%dh%02dm", s / 3600, s % 3600 / 60)
        default: return String(format: "%dd%02dh", s / 86_400, s % 86_400 / 3600)
        }
    }
}

extension JobState {
    /// The state's colour in a terminal: the parameter of an SGR escape sequence.
    fileprivate var colour: String {
        switch self {
        case .completed: "32"
        case .failed: "31"
        case .running: "36"
        case .waitingForDFT: "34"
        case .queued, .paused, .cancelled: "33"
        }
    }
}

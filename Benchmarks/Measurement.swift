import Foundation
import Glibc

/// The measurement of one process: the seconds of each repetition. ``init(repeats:_:)`` leaves out a first, cold one.
struct Measurement: Codable {
    var seconds: [Double]
    /// Largest resident set of the process, bytes.
    var peakMemory: Int?
    /// Other numbers, by name with unit.
    var notes: [String: Double]?

    var best: Double { seconds.min() ?? .nan }

    var median: Double {
        let sorted = seconds.sorted()
        guard !sorted.isEmpty else { return .nan }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    var json: String {
        get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
    }

    /// Runs `body` once to warm up, then `repeats` times.
    init(repeats: Int, _ body: () throws -> Void) rethrows {
        try body()
        seconds = []
        for _ in 0..<repeats {
            let start = ContinuousClock.now
            try body()
            seconds.append(start.duration(to: .now) / .seconds(1))
        }
        peakMemory = Self.largestResidentSet
    }

    /// Runs `body` once, cold.
    init(once body: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        try body()
        seconds = [start.duration(to: .now) / .seconds(1)]
        peakMemory = Self.largestResidentSet
    }

    private static var largestResidentSet: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// Formats a time in µs, ms, s or min.
func time(_ seconds: Double) -> String {
    switch seconds {
    case ..<1e-3: String(format: "%.0f µs", seconds * 1e6)
    case ..<1: String(format: seconds < 0.1 ? "%.1f ms" : "%.0f ms", seconds * 1e3)
    case ..<120: String(format: "%.1f s", seconds)
    default: String(format: "%.1f min", seconds / 60)
    }
}

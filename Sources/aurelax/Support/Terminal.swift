import Foundation

/// The terminal on standard output, if there is one.
enum Terminal {
    static var isOne: Bool { isatty(STDOUT_FILENO) == 1 }

    /// See https://no-color.org.
    static var hasColours: Bool {
        isOne && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
    }

    static var size: (columns: Int, lines: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// How far something is, in one line of a terminal on standard error that goes away again; nothing in a file or a pipe,
/// and nothing for what is over in two seconds.
struct ProgressBar {
    private let unit: String
    private let total: Int
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private let isSeen = isatty(STDERR_FILENO) == 1

    init(_ unit: String, of total: Int) { (self.unit, self.total) = (unit, total) }

    mutating func show(_ done: Int) {
        let now = ContinuousClock.now
        guard isSeen, total > 0, done > 0, now - start > .seconds(2),
            drawn.map({ now - $0 > .milliseconds(200) }) ?? true
        else { return }
        drawn = now
        let left = (now - start) / .seconds(1) * Double(total - done) / Double(done)
        let filled = 30 * done / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        write("\r\(bar) \(done) of \(total) \(unit), ~\(JobTable.duration(left)) left\u{1B}[K")
    }

    /// Leaves the line as it was.
    func clear() { if drawn != nil { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

import Foundation

/// The terminal on standard output, if there is one.
enum Terminal {
    static var isOne: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether to print colours: only to a terminal, and only if $NO_COLOR is not set (https://no-color.org).
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

/// A progress bar in one line of a terminal on standard error, which disappears at the end. Nothing is shown
/// in a file or a pipe, or within the first two seconds.
final class ProgressBar {
    private let what: String
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private let isSeen: Bool

    /// - Parameters:
    ///   - what: the object of the work, in a word or two.
    ///   - output: the path to which results are written meanwhile; a terminal shows either the results or
    ///     the bar.
    init(_ what: String, output: String? = nil) {
        self.what = what
        isSeen = isatty(STDERR_FILENO) == 1 && !(output == "-" && Terminal.isOne)
    }

    deinit { clear() }

    /// - Parameter fraction: finished fraction of the work, from 0 to 1.
    func show(_ fraction: Double) {
        let now = ContinuousClock.now
        guard isSeen, fraction > 0, now - start > .seconds(2),
            drawn.map({ now - $0 > .milliseconds(200) }) ?? true
        else { return }
        drawn = now
        let left = (now - start) / .seconds(1) * (1 - fraction) / fraction
        let filled = min(30, Int(30 * fraction))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        write("\r\(bar) \(Int(100 * fraction)) % \(what), ~\(JobTable.duration(left)) left\u{1B}[K")
    }

    /// Prints a line to standard error, above the bar.
    func say(_ line: String) {
        clear()
        printError(line)
    }

    /// Erases the bar.
    func clear() {
        guard drawn != nil else { return }
        drawn = nil
        write("\r\u{1B}[K")
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

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

/// A place in a text, both 1-based; columns count characters.
public struct TextMark: Sendable, Hashable, Codable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// Something about a file that its author can change.
public struct Diagnostic: Sendable, Equatable, Codable {
    public enum Severity: String, Sendable, Codable { case error, warning }

    public var severity: Severity
    /// For programs: `unknown-key`, `wrong-type`, `out-of-range`, …
    public var code: String
    /// Nil where the file as a whole is meant.
    public var mark: TextMark?
    /// How many characters the caret covers.
    public var width: Int
    /// `stages[0].ml.fmax`; empty for the document itself.
    public var keyPath: String
    public var message: String
    public var hint: String?

    public init(
        _ severity: Severity = .error, code: String, at mark: TextMark?, width: Int = 1,
        keyPath: String = "", message: String, hint: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.mark = mark
        self.width = max(1, width)
        self.keyPath = keyPath
        self.message = message
        self.hint = hint
    }
}

extension Sequence<Diagnostic> {
    public var hasErrors: Bool { contains { $0.severity == .error } }
}

/// Diagnostics as people read them: place, message, the line with a caret below, a hint.
public struct DiagnosticRenderer: Sendable {
    private let file: String
    private let lines: [Substring]

    /// - Parameters:
    ///   - file: what messages call the text.
    ///   - source: the text, in any encoding that comes near UTF-8.
    public init(file: String, source: [UInt8]) {
        self.file = harmless(file)
        lines = String(decoding: source, as: UTF8.self)
            .split(omittingEmptySubsequences: false) { $0.isNewline }
    }

    /// In the order of their places, an empty line between two.
    public func render(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.sorted { ($0.mark ?? .init(line: 0, column: 0)) < ($1.mark ?? .init(line: 0, column: 0)) }
            .map(render).joined()
    }

    public func render(_ diagnostic: Diagnostic) -> String {
        var place = file
        if let mark = diagnostic.mark { place += ":\(mark.line):\(mark.column)" }
        var text = "\(place): \(diagnostic.severity.rawValue): \(harmless(diagnostic.message))\n"
        if let mark = diagnostic.mark, lines.indices.contains(mark.line - 1) {
            let (shown, indent, width) = excerpt(lines[mark.line - 1], mark.column, diagnostic.width)
            text += "  \(shown)\n  \(String(repeating: " ", count: indent))^"
            text += String(repeating: "~", count: width - 1) + "\n"
        }
        if let hint = diagnostic.hint { text += "  hint: \(harmless(hint))\n" }
        return text
    }

    /// The line, cut around the column where it is long.
    private func excerpt(
        _ line: Substring, _ column: Int, _ width: Int
    ) -> (line: String, indent: Int, width: Int) {
        let characters = Array(line)
        let first = max(0, min(column - 1, characters.count) - 80)
        let shown = characters[first..<min(characters.count, first + 120)]
        let before = characters[first..<max(first, min(column - 1, characters.count))]
        let room = max(1, shown.count - before.count)
        return (
            harmless(String(shown)), displayWidth(harmless(String(before))), max(1, min(width, room))
        )
    }
}

/// The text without anything that moves a cursor or turns the direction of writing; a tab is one space.
func harmless(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            result += scalar == "\t" ? " " : "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Columns of a terminal: East Asian wide characters take two.
private func displayWidth(_ text: String) -> Int {
    text.reduce(0) { width, character in
        let value = character.unicodeScalars.first?.value ?? 0
        let isWide =
            (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value)
            || (0xAC00...0xD7A3).contains(value) || (0xF900...0xFAFF).contains(value)
            || (0xFE30...0xFE6F).contains(value) || (0xFF00...0xFF60).contains(value)
            || (0x1F300...0x1FAFF).contains(value)
        return width + (isWide ? 2 : 1)
    }
}

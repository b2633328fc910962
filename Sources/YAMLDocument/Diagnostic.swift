/// A place in a text, both 1-based; columns count Unicode scalars.
public struct TextMark: Sendable, Hashable, Codable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A message about a file that its author can correct. The code that shows it knows the file.
public struct Diagnostic: Sendable, Equatable, Codable {
    public enum Severity: String, Sendable, Codable { case error, warning }

    public var severity: Severity
    /// A code for programs: `unknown-key`, `wrong-type`, `out-of-range`, …
    public var code: String
    /// Nil if the message concerns the whole file.
    public var mark: TextMark?
    /// Number of Unicode scalars under the caret.
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

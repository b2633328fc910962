/// A document after reading and checking: its root, or the errors.
public struct CheckedDocument: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let root: YAMLNode?
    /// Ordered by place.
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - file: its name in messages.
    ///   - problems: finds the errors of a document that is valid YAML.
    public init(_ bytes: [UInt8], file: String, problems: (YAMLNode) -> [Diagnostic]) {
        let (root, syntax) = YAMLNode.parse(bytes)
        let start = root?.mark ?? TextMark(line: 0, column: 0)
        let all = syntax + (root.map(problems) ?? [])
        diagnostics = all.sorted { ($0.mark ?? start) < ($1.mark ?? start) }
        report = DiagnosticRenderer(file: file, source: bytes).render(diagnostics)
        self.root = all.hasErrors ? nil : root
    }
}

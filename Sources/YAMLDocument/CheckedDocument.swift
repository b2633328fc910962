/// A document that was read and checked: its root, or why there is none to work with.
public struct CheckedDocument: Sendable {
    /// Nil where one of the diagnostics is an error.
    public let root: YAMLNode?
    /// In the order of their places.
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - file: what messages call it.
    ///   - problems: what is wrong with a document that is YAML.
    public init(_ bytes: [UInt8], file: String, problems: (YAMLNode) -> [Diagnostic]) {
        let (root, syntax) = YAMLNode.parse(bytes)
        let start = root?.mark ?? TextMark(line: 0, column: 0)
        let all = syntax + (root.map(problems) ?? [])
        diagnostics = all.sorted { ($0.mark ?? start) < ($1.mark ?? start) }
        report = DiagnosticRenderer(file: file, source: bytes).render(diagnostics)
        self.root = all.hasErrors ? nil : root
    }
}

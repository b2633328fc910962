import TestTags
import Testing
import YAMLDocument

@Suite struct RendererTests {
    private func render(
        _ line: String, column: Int, width: Int = 1, message: String = "m", hint: String? = nil,
        file: String = "f.yaml"
    ) -> String {
        DiagnosticRenderer(file: file, source: Array("first\n\(line)\nlast\n".utf8)).render(
            Diagnostic(
                code: "c", at: TextMark(line: 2, column: column), width: width, message: message, hint: hint))
    }

    @Test("A report has place, message, line, caret and hint") func placeMessageLineCaretHint() {
        #expect(
            render("fmaxx: 0.1", column: 1, width: 5, message: "no such key", hint: "fmax?") == """
                f.yaml:2:1: error: no such key
                  fmaxx: 0.1
                  ^~~~~
                  hint: fmax?

                """)
    }

    @Test("A tab is one space in line and caret") func aTabIsOneSpaceInLineAndCaret() {
        #expect(render("\ta:\tb", column: 5).hasSuffix("\n   a: b\n      ^\n"))
    }

    @Test("Wide characters take two columns, combining marks none")
    func wideCharactersTakeTwoColumnsAndMarksNone() {
        #expect(render("金箔: x", column: 5).hasSuffix("\n  金箔: x\n        ^\n"))
        #expect(render("金箔: x", column: 1, width: 2).hasSuffix("\n  ^~~~\n"))
        #expect(render("😀: x", column: 4).hasSuffix("\n      ^\n"))
        #expect(render("e\u{301}: x", column: 5).hasSuffix("\n     ^\n"))
    }

    /// No character of a file can move the cursor, hide text or change its direction.
    @Test("Hostile characters are escaped in diagnostics", .tags(.fault23)) func fault23HostileCharacters() {
        let text = render(
            "a\u{1B}[31m\u{202E}b\u{200B}c", column: 3, message: "x\u{7}", hint: "\u{2066}",
            file: "\u{1B}]0;t\n.yaml")
        #expect(
            text == """
                \\u{1B}]0;t\\u{A}.yaml:2:3: error: x\\u{7}
                  a\\u{1B}[31m\\u{202E}b\\u{200B}c
                         ^
                  hint: \\u{2066}

                """)
    }

    @Test("A long line is cut around the caret") func aLongLineIsCutAroundTheCaret() throws {
        let line = String(repeating: "abcdefghij", count: 1000)
        let lines = render(line, column: 5001, width: 8000).split(separator: "\n")
        #expect(lines[1].count == 122)
        #expect(
            lines[2] == "  " + String(repeating: " ", count: 80) + "^" + String(repeating: "~", count: 39))
    }

    @Test("Places beyond the text are shown at its end") func placesBeyondTheTextAreShownAsWellAsTheyCanBe() {
        #expect(render("ab", column: 3).hasSuffix("\n  ab\n    ^\n"))
        #expect(render("ab", column: 900, width: 20).contains("error: m\n"))
        let renderer = DiagnosticRenderer(file: "f", source: [])
        #expect(
            renderer.render(Diagnostic(code: "c", at: TextMark(line: 7, column: 2), message: "m"))
                == "f:7:2: error: m\n")
        #expect(renderer.render(Diagnostic(.warning, code: "c", at: nil, message: "m")) == "f: warning: m\n")
    }

    @Test("Diagnostics are sorted and limited in number") func inOrderAndNotTooMany() {
        let diagnostics = (1...DiagnosticRenderer.most + 3).reversed().map {
            Diagnostic(code: "c", at: TextMark(line: $0, column: 1), message: "m\($0)")
        }
        let lines = DiagnosticRenderer(file: "f", source: []).render(diagnostics).split(separator: "\n")
            .filter { $0.hasPrefix("f:") }
        #expect(lines.first == "f:1:1: error: m1")
        #expect(lines.last == "f: and 3 more")
        #expect(lines.count == DiagnosticRenderer.most + 1)
    }

    @Test("Lines are counted as by the parser", arguments: ["\n", "\r\n", "\r", "\u{85}", "\u{2028}"])
    func linesAreCountedAsTheParserCountsThem(_ lineBreak: String) {
        let text = ["a: 1", "b: 2", "c: *x", ""].joined(separator: lineBreak)
        let (_, diagnostics) = YAMLNode.parse(Array(text.utf8))
        let report = DiagnosticRenderer(file: "f", source: Array(text.utf8)).render(diagnostics)
        #expect(report.contains("f:3:4: error"))
        #expect(report.contains("\n  c: *x\n     ^\n"))
    }
}

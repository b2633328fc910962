import TestTags
import Testing
import YAMLDocument

/// The places that are reported for errors in bytes, directives and syntax, and for duplicate keys.
@Suite struct LocationTests {
    /// Bytes that are not UTF-8, and forbidden characters, are reported with line and column of the first one.
    @Test(
        "Encodings other than UTF-8 are named", .tags(.fault24),
        arguments: [
            ([0x61, 0x3A, 0x20, 0xFF], 1, 4, "the byte 0xFF is not UTF-8 here"),
            ([0x61, 0x0A, 0xC3, 0xBC, 0xC3, 0x28], 2, 2, "the byte 0xC3 is not UTF-8 here"),
            ([0x61, 0x3A, 0xED, 0xA0, 0x80], 1, 3, "the byte 0xED is not UTF-8 here"),
            ([0x61, 0x3A, 0xC0, 0x80], 1, 3, "the byte 0xC0 is not UTF-8 here"),
            ([0x61, 0x0D, 0x0A, 0x62, 0xE2, 0x82], 2, 2, "the byte 0xE2 is not UTF-8 here"),
            ([0xEF, 0xBB, 0xBF, 0x61, 0xFF], 1, 2, "the byte 0xFF is not UTF-8 here"),
            ([0x61, 0x0A, 0x07], 2, 1, "the character U+0007 is not allowed in a text"),
            ([0xC3, 0xBC, 0x00], 1, 2, "the character U+0000 is not allowed in a text"),
            ([0xFF, 0xFE, 0x61, 0x00], 1, 1, "the file is UTF-16 text"),
            ([0xFE, 0xFF, 0x00, 0x61], 1, 1, "the file is UTF-16 text"),
        ] as [([UInt8], Int, Int, String)])
    func fault24Encoding(bytes: [UInt8], line: Int, column: Int, message: String) {
        let (root, diagnostics) = YAMLNode.parse(bytes)
        #expect(root == nil)
        #expect(diagnostics.map(\.code) == ["encoding"])
        #expect(diagnostics.map(\.message) == [message])
        #expect(diagnostics.first?.mark == TextMark(line: line, column: column))
    }

    @Test(
        "Directives are refused", .tags(.fault24),
        arguments: ["%YAML 1.1\n---\na: 1\n", "\u{FEFF}%TAG ! x\n"])
    func fault24Directives(text: String) {
        #expect(report(text).hasPrefix("f.yaml:1:1: error: directives (%) are not supported\n"))
    }

    @Test("Parser and report count lines alike", arguments: ["\n", "\r\n", "\r", "\u{85}", "\u{2028}"])
    func linesAreCountedAlikeByParserAndReport(lineBreak: String) {
        let text = ["a: 1", "b: 2", "c: *x", ""].joined(separator: lineBreak)
        #expect(report(text).hasPrefix("f.yaml:3:4: error: anchors"))
        #expect(report(text).contains("\n  c: *x\n     ^\n"))
    }

    @Test("Other mistakes are reported beside a duplicate key")
    func besideAKeyThatStandsTwiceOtherMistakesAreReportedToo() {
        let schema = MappingSchema([KeySchema("a", .integer(0...9), "A."), KeySchema("b", .boolean, "B.")])
        #expect(
            report("a: x\nb: 1\na: 3\n", schema) == """
                f.yaml:1:4: error: expected an integer from 0 to 9, found ‘x’
                  a: x
                     ^
                f.yaml:2:4: error: expected true or false, found ‘1’
                  b: 1
                     ^
                f.yaml:3:1: error: the key ‘a’ appears twice
                  a: 3
                  ^
                  hint: the first one is in line 1

                """)
    }

    /// Libyaml's messages are replaced by messages with advice.
    @Test(
        "Syntax errors are explained",
        arguments: [
            ("a: b: c\n", "is the indentation right? Text with ‘: ’ needs quotation marks"),
            ("a: @b\n", "text that begins with such a character needs quotation marks"),
            ("a: 1\nb\nc: 2\n", "a mapping has ‘key: value’ in every line, with a space after the colon"),
            ("a: 1\n b: 2\n", "is the indentation right? Text with ‘: ’ needs quotation marks"),
            ("- 1\nb: 2\n", "are the elements of one list indented alike?"),
            ("a:\n    b: 1\n  c: 2\n", "are the keys of one mapping indented alike?"),
            ("  a: 1\n b: 2\n", "are the keys of one mapping indented alike?"),
            ("a: {b: 1\n", "separate the elements by commas, and close every bracket"),
            ("a: 'b\n", "close the quotation marks"),
            ("a: - b\n", "begin a list on a new line"),
            ("a: \"\\q\"\n", "in text with backslashes use single quotation marks"),
            ("a:\n\tb: 1\n", "indent with spaces, not with tabs"),
        ])
    func syntaxIsExplained(text: String, hint: String) {
        let problems = YAMLNode.parse(Array(text.utf8)).diagnostics
        #expect(problems.map(\.hint) == [hint], "\(report(text))")
    }
}

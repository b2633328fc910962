import TestTags
import Testing
import YAMLDocument

@Suite struct ParserTests {
    @Test("Lines and characters are counted from 1") func placesCountLinesAndCharactersFromOne() throws {
        let document = try #require(root("# α comment\na:\n  - x\n  - {bß: 'yy', c: 3}\n"))
        let list = try #require(document["a"]?.elements)
        #expect(list.map(\.mark) == [TextMark(line: 3, column: 5), TextMark(line: 4, column: 5)])
        let entries = try #require(list[1].entries)
        #expect(entries.map(\.key) == ["bß", "c"])
        #expect(entries.map(\.keyMark.column) == [6, 16])
        #expect(entries[0].value.mark.column == 10 && entries[0].value.width == 4)
    }

    @Test("All kinds of line breaks and a byte-order mark are read") func linesOfEveryKindAndAByteOrderMark()
    {
        #expect(root("\u{FEFF}a: 1\r\nb: 2\r\n")?["b"]?.integer == 2)
        #expect(root("--- \na: 1\n...\n")?["a"]?.integer == 1)
        #expect(root("t: |\n  x\n  y\n")?["t"]?.text == "x\ny\n")
    }

    /// Fault 25: the schema determines the type of scalars, not their appearance.
    @Test(
        "Scalars have the type of the schema", .tags(.fault25),
        arguments: [
            // The columns are text, integer, number, boolean and null.
            ("NO", "NO", nil, nil, nil, false), ("yes", "yes", nil, nil, nil, false),
            ("true", "true", nil, nil, true, false), ("tRuE", "tRuE", nil, nil, nil, false),
            ("012", "012", 12, 12, nil, false), ("0o14", "0o14", nil, nil, nil, false),
            ("0x1F", "0x1F", nil, nil, nil, false), ("1_000", "1_000", nil, nil, nil, false),
            ("12:30:45", "12:30:45", nil, nil, nil, false), ("1e-3", "1e-3", nil, 0.001, nil, false),
            ("1.", "1.", nil, 1, nil, false), (".5", ".5", nil, 0.5, nil, false),
            ("+7", "+7", 7, 7, nil, false),
            (".nan", ".nan", nil, nil, nil, false), ("nan", "nan", nil, nil, nil, false),
            (".inf", ".inf", nil, nil, nil, false), ("1e999", "1e999", nil, nil, nil, false),
            ("'5'", "5", nil, nil, nil, false), ("\"true\"", "true", nil, nil, nil, false),
            ("~", nil, nil, nil, nil, true), ("null", nil, nil, nil, nil, true),
            ("", nil, nil, nil, nil, true),
            ("'null'", "null", nil, nil, nil, false),
            ("9223372036854775808", "9223372036854775808", nil, 9223372036854775808, nil, false),
            ("2026-11-23", "2026-11-23", nil, nil, nil, false), ("=", "=", nil, nil, nil, false),
            ("<<", "<<", nil, nil, nil, false),
        ] as [(String, String?, Int?, Double?, Bool?, Bool)])
    func fault25Scalars(
        written: String, text: String?, integer: Int?, number: Double?, boolean: Bool?, isNull: Bool
    ) throws {
        let node = try #require(value(written))
        #expect(node.text == text)
        #expect(node.integer == integer)
        #expect(node.number == number)
        #expect(node.boolean == boolean)
        #expect(node.isNull == isNull)
    }

    /// Fault 24: anything except plain YAML is refused with its place.
    @Test(
        "Files outside our part of YAML are refused", .tags(.fault24),
        arguments: [
            ("a: &x 1\nb: *x\n", "f.yaml:1:4: error: anchors and aliases (& and *) are not supported"),
            ("b: *x\n", "f.yaml:1:4: error: anchors and aliases (& and *) are not supported"),
            ("a: !!python/object:os.system x\n", "f.yaml:1:4: error: tags (!) are not supported"),
            ("a: !!str 1\n", "f.yaml:1:4: error: tags (!) are not supported"),
            ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document begins here"),
            ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: error: the key ‘a’ appears twice"),
            ("[a, b]: 1\n", "f.yaml:1:1: error: a key must be a word"),
            (
                "a: [1, 2\nb: 3\n",
                "f.yaml:2:2: error: did not find expected ',' or ']' while parsing a flow sequence that begins in line 1"
            ),
            ("a:\n\t- 1\n", "f.yaml:2:1: error: found character that cannot start any token"),
            (
                "a: 'x\n",
                "f.yaml:2:1: error: found unexpected end of stream while scanning a quoted scalar that begins in line 1"
            ),
            ("", "f.yaml: error: the file is empty"), ("# nothing\n", "f.yaml: error: the file is empty"),
        ])
    func fault24Refused(text: String, message: String) {
        let report = report(text)
        #expect(report.hasPrefix(message + "\n"), "\(report)")
    }

    @Test("A tab in the indentation is explained", .tags(.fault24)) func fault24Tabs() {
        #expect(report("a:\n\t- 1\n").contains("hint: indent with spaces, not with tabs"))
    }

    @Test("Invalid UTF-8 is refused", .tags(.fault24)) func fault24NotUTF8() {
        for bytes in [
            [0x61, 0x3A, 0x20, 0xFF], [0x61, 0x3A, 0x20, 0xED, 0xA0, 0x80], [0xFF, 0xFE, 0x61, 0],
        ] as [[UInt8]] {
            let (root, problems) = YAMLNode.parse(bytes)
            #expect(root == nil && problems.map(\.code) == ["encoding"])
            #expect(problems.first?.hint == "save the file as UTF-8")
        }
    }

    /// Fault 24: any input is refused quickly, with a place.
    @Test(
        "YAML bombs are refused quickly", .tags(.fault24),
        arguments: [
            ("depth of a flow", String(repeating: "[", count: 200_000), "too-deep"),
            (
                "depth of a block", (0..<400).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
                "too-deep"
            ),
            ("values", "[" + String(repeating: "1,", count: 200_000) + "]", "too-large"),
            ("bytes", String(repeating: "#", count: (16 << 20) + 1), "too-large"),
            ("laughs", "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "alias"),
            ("the same key", "{" + String(repeating: "k: 1,", count: 40_000) + "}", "duplicate-key"),
        ])
    func fault24Bombs(name: String, text: String, code: String) {
        var (root, problems) = (YAMLNode?.none, [Diagnostic]())
        let seconds = processorSeconds { (root, problems) = YAMLNode.parse(Array(text.utf8)) }
        #expect(root == nil)
        #expect(problems.contains { $0.code == code }, "\(problems.prefix(3))")
        #expect(problems.count <= 51)
        #expect(seconds < 2, "\(name): \(seconds) s")
    }

    @Test("Many mistakes on a long line are reported fast") func manyMistakesOnOneLongLineAreReportedFast() {
        let schema = MappingSchema([KeySchema("known", .integer(0...1), "A key.")])
        let text = "{" + (0..<20_000).map { "unknown\($0): 1" }.joined(separator: ", ") + "}\n"
        var said = ""
        let seconds = processorSeconds { said = report(text, schema) }
        #expect(seconds < 3)
        #expect(said.contains("further mistakes from this line on are not shown"))
        #expect(said.utf8.count < 50_000)
    }
}

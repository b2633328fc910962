import TestTags
import Testing
import YAMLDocument

@Suite struct DiagnosticTests {
    static let schema = MappingSchema([
        KeySchema("count", .integer(1...10), required: true, "How many."),
        KeySchema("size", .number(0...5, open: true), default: "1", "How large."),
        KeySchema("ratio", .number(0...1), "A part."),
        KeySchema("any", .number(-.greatestFiniteMagnitude ... .greatestFiniteMagnitude), "Any number."),
        KeySchema("on", .boolean, "Whether."),
        KeySchema("colour", .choice(["red", "green", "blue"]), "Which."),
        KeySchema(
            "word",
            .text(check: { $0 == "bad" ? TextProblem("‘bad’ is no word", hint: "say good") : nil }), "A word."
        ),
        KeySchema("few", .list(.integer(0...9), count: 1...3), "Some digits."),
        KeySchema(
            "either",
            .either([.choice(["all"]), .list(.integer(0...9), count: 1...9)], what: "all, or a list"),
            "One or the other."),
        KeySchema(
            "inner", .mapping(MappingSchema([KeySchema("x", .integer(0 ... .max), "An x.")])), "A mapping."),
        KeySchema(
            "one",
            .mapping(
                MappingSchema(
                    [KeySchema("a", .boolean, "A."), KeySchema("b", .boolean, "B.")], isChoice: true)),
            "One of two."),
    ])

    /// Each message is shown with the line of the mistake and a caret below it.
    @Test(
        "Mistakes give these messages",
        arguments: [
            (
                "count: 0",
                "f.yaml:1:8: error: expected an integer from 1 to 10, found 0\n  count: 0\n         ^\n"
            ),
            (
                "count: 1.5",
                "f.yaml:1:8: error: expected an integer from 1 to 10, found ‘1.5’\n  count: 1.5\n         ^~~\n"
            ),
            (
                "count: [1]",
                "f.yaml:1:8: error: expected an integer from 1 to 10, found a list\n  count: [1]\n         ^\n"
            ),
            (
                "count:",
                "f.yaml:1:1: error: ‘count’ has no value\n  count:\n  ^~~~~\n  hint: expected an integer from 1 to 10\n"
            ),
            (
                "cuont: 1",
                "f.yaml:1:1: error: there is no key ‘cuont’ here\n  cuont: 1\n  ^~~~~\n  hint: did you mean ‘count’?\n"
                    + "f.yaml:1:1: error: the key ‘count’ is missing\n  cuont: 1\n  ^\n  hint: How many.\n"
            ),
            (
                "{count: 1, wholly-unknown: 1}",
                "f.yaml:1:12: error: there is no key ‘wholly-unknown’ here\n  {count: 1, wholly-unknown: 1}\n"
                    + "             ^~~~~~~~~~~~~~\n  hint: keys allowed here: count, size, ratio, any, on, colour, word, few, either, inner, one\n"
            ),
            (
                "{count: 1, size: 0}",
                "f.yaml:1:18: error: expected a number above 0 and at most 5, found 0\n  {count: 1, size: 0}\n                   ^\n"
            ),
            (
                "{count: 1, ratio: 1.01}",
                "f.yaml:1:19: error: expected a number from 0 to 1, found 1.01\n  {count: 1, ratio: 1.01}\n                    ^~~~\n"
            ),
            (
                "{count: 1, any: x}",
                "f.yaml:1:17: error: expected a number, found ‘x’\n  {count: 1, any: x}\n                  ^\n"
            ),
            (
                "{count: 1, on: yes}",
                "f.yaml:1:16: error: expected true or false, found ‘yes’\n  {count: 1, on: yes}\n                 ^~~\n  hint: write true\n"
            ),
            (
                "{count: 1, colour: bleu}",
                "f.yaml:1:20: error: expected one of red, green, blue, found ‘bleu’\n  {count: 1, colour: bleu}\n"
                    + "                     ^~~~\n  hint: did you mean ‘blue’?\n"
            ),
            (
                "{count: 1, colour: {}}",
                "f.yaml:1:20: error: expected one of red, green, blue, found a mapping\n  {count: 1, colour: {}}\n                     ^\n"
            ),
            (
                "{count: 1, word: bad}",
                "f.yaml:1:18: error: ‘bad’ is no word\n  {count: 1, word: bad}\n                   ^~~\n  hint: say good\n"
            ),
            (
                "{count: 1, word: [x]}",
                "f.yaml:1:18: error: expected text, found a list\n  {count: 1, word: [x]}\n                   ^\n"
            ),
            (
                "{count: 1, few: 3}",
                "f.yaml:1:17: error: expected a list, found ‘3’\n  {count: 1, few: 3}\n                  ^\n"
                    + "  hint: write a list in brackets, or one element per line after ‘- ’\n"
            ),
            (
                "{count: 1, few: []}",
                "f.yaml:1:17: error: expected at least one element, found 0\n  {count: 1, few: []}\n                  ^\n"
            ),
            (
                "{count: 1, few: [1, 2, x]}",
                "f.yaml:1:24: error: expected an integer from 0 to 9, found ‘x’\n  {count: 1, few: [1, 2, x]}\n                         ^\n"
            ),
            (
                "{count: 1, either: some}",
                "f.yaml:1:20: error: expected all, or a list, found ‘some’\n  {count: 1, either: some}\n                     ^~~~\n"
            ),
            (
                "{count: 1, either: [1, 99]}",
                "f.yaml:1:24: error: expected an integer from 0 to 9, found 99\n  {count: 1, either: [1, 99]}\n                         ^~\n"
            ),
            (
                "{count: 1, either: {}}",
                "f.yaml:1:20: error: expected all, or a list, found a mapping\n  {count: 1, either: {}}\n                     ^\n"
            ),
            (
                "{count: 1, inner: 5}",
                "f.yaml:1:19: error: expected a mapping of keys to values, found ‘5’\n  {count: 1, inner: 5}\n"
                    + "                    ^\n  hint: keys: x\n"
            ),
            (
                "{count: 1, inner: {x: -1}}",
                "f.yaml:1:23: error: expected an integer of at least 0, found -1\n  {count: 1, inner: {x: -1}}\n                        ^~\n"
            ),
            (
                "{count: 1, one: {}}",
                "f.yaml:1:17: error: expected one of ‘a’, ‘b’, found none\n  {count: 1, one: {}}\n                  ^\n"
            ),
            (
                "{count: 1, one: {a: true, b: true}}",
                "f.yaml:1:17: error: expected one of ‘a’, ‘b’, found ‘a’ and ‘b’\n  {count: 1, one: {a: true, b: true}}\n                  ^\n"
            ),
            (
                "- 1",
                "f.yaml:1:1: error: expected a mapping of keys to values, found a list\n  - 1\n  ^\n  hint: keys: count, size, ratio, any, on, colour, word, few, either, inner, one\n"
            ),
        ])
    func message(text: String, expected: String) {
        let report = report(text, Self.schema)
        #expect(report == expected)
    }

    @Test("A correct file gives no message") func whatIsRightHasNoMessage() {
        let text = """
            {count: 10, size: 5, ratio: 0, any: -1e30, on: false, colour: red, word: fine, few: [1, 2, 3],
             either: [5], inner: {x: 9223372036854775807}, one: {b: false}}
            """
        #expect(report(text, Self.schema) == "")
    }

    @Test("Key paths lead to the value") func keyPathsLeadToTheValue() throws {
        let node = try #require(root("{count: 1, few: [1, 22], inner: {y: 1}}"))
        #expect(Self.schema.problems(of: node).map(\.keyPath) == ["few[1]", "inner.y"])
    }

    @Test("Carets are placed under wide characters and in long lines")
    func caretsStandUnderWideCharactersAndInLongLines() {
        #expect(report("{金: 1, count: 0}", Self.schema).contains("  {金: 1, count: 0}\n                 ^\n"))
        let long = "{count: 1, word: \(String(repeating: "x", count: 300)), on: 3}"
        let lines = report(long, Self.schema).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].count <= 122)
        let caret = lines[2].prefix { $0 == " " }.count
        #expect(lines[1].dropFirst(caret).first == "3")
    }

    /// Fault 23: the content of a file reaches the terminal only as text.
    @Test("Control characters are escaped in diagnostics", .tags(.fault23)) func fault23ControlCharacters() {
        let report = report("{count: 1, colour: \"\\e[31m\u{202E}red\"}", Self.schema)
        #expect(!report.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
        let renderer = DiagnosticRenderer(file: "a\u{1B}[2J\nb.yaml", source: [])
        let line = renderer.render(Diagnostic(code: "x", at: nil, message: "m"))
        #expect(line == "a\\u{1B}[2J\\u{A}b.yaml: error: m\n")
    }

    @Test(
        "The closest word is suggested",
        arguments: [("fmx", "fmax"), ("max_step", "max_steps"), ("FMAX", "fmax"), ("swap", nil), ("", nil)]
            as [(String, String?)])
    func closestWord(word: String, expected: String?) {
        #expect(closest(to: word, among: ["fmax", "max_steps", "optimizer"]) == expected)
    }
}

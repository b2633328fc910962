import LinearAlgebra
import Testing
import YAMLDocument

/// Values that are written into YAML files and read back unchanged.
@Suite struct ScalarWritingTests {
    @Test(
        "Text that could be misread is quoted",
        arguments: [
            ("ring4.xyz", "ring4.xyz"), ("no", "\"no\""), ("Null", "\"Null\""), ("4", "\"4\""),
            ("1e3", "\"1e3\""), ("a b", "\"a b\""), ("", "\"\""), ("a\"\\b", "\"a\\\"\\\\b\""),
            ("a\u{202E}\u{1F}b", "\"a\\u202E\\u001Fb\""), ("\u{E0001}", "\"\\U000E0001\""), ("ü", "\"ü\""),
        ])
    func textIsQuotedWhereItCouldBeMisread(_ text: String, _ written: String) {
        #expect(YAMLScalar.text(text) == written)
        #expect(value(written)?.text == text)
    }

    @Test(
        "Numbers have a decimal point",
        arguments: [
            (0.1, "0.1"), (1e-5, "1.0e-05"), (1.5e-7, "1.5e-07"), (2.0, "2.0"), (1e22, "1.0e+22"),
        ])
    func numbersHaveAPoint(_ number: Double, _ written: String) {
        #expect(YAMLScalar.number(number) == written)
        #expect(value(written)?.number == number)
    }

    @Test("Any text is written and read unchanged") func anyTextComesBack() throws {
        let alphabet: [Character] = [
            "a", "B", "0", " ", "\n", "\t", ":", "-", "#", "'", "\"", "\\", "|", "%", "{", "]", "*", "&", "!",
            "ü", "😀", "\r", "\u{0}", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{301}", "~", "?", ",", ".",
        ]
        var random = SplitMix(seed: 7)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...12, using: &random)
            var text = String((0..<length).compactMap { _ in alphabet.randomElement(using: &random) })
            if Bool.random(using: &random) { text += "\n" }
            for written in [YAMLScalar.text(text), YAMLScalar.lines(text, indent: 2)] {
                let document = "v: \(written)\nw: 1\n"
                let root = YAMLNode.parse(Array(document.utf8)).root
                guard root?["v"]?.text.map({ Array($0.utf8) }) == Array(text.utf8), root?["w"]?.integer == 1
                else {
                    Issue.record("\(text.debugDescription) as \(document.debugDescription)")
                    return
                }
            }
        }
    }
}

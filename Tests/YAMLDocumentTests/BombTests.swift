import LinearAlgebra
import TestTags
import Testing
import YAMLDocument

/// Fault 24: documents that are made to take time or memory are refused at once. Any bytes give a document or an error.
@Suite struct BombTests {
    enum Bomb: CaseIterable {
        case flowDepth, mixedDepth, manyValues, manyDirectives, lateDirectives, manyDocuments, manyAnchors
        case hugeKey, openQuote, newlines

        /// The bytes of the bomb, of the largest size that is accepted.
        var bytes: [UInt8] {
            func many(_ text: String) -> String {
                String(repeating: text, count: (YAMLLimits().bytes - 10) / text.utf8.count)
            }
            func directives(_ count: Int) -> String { (0..<count).map { "%TAG !\($0)! x\n" }.joined() }
            let text =
                switch self {
                case .flowDepth: many("[")
                case .mixedDepth: many("{a: [")
                case .manyValues: many("- a\n")
                case .manyDirectives: directives(50_000)
                case .lateDirectives: "a: 1\n...\n" + directives(50_000)
                case .manyDocuments: many("--- 1\n")
                case .manyAnchors: "[" + many("&a 1,")
                case .hugeKey: many("a") + ": 1"
                case .openQuote: "a: \"" + many("x ")
                case .newlines: many("\n") + "a: *x"
                }
            return Array(text.utf8)
        }
    }

    @Test("YAML bombs are refused quickly", .tags(.fault24), arguments: Bomb.allCases) func fault24Bombs(
        _ bomb: Bomb
    ) {
        let bytes = bomb.bytes
        var (diagnostics, report) = ([Diagnostic](), "")
        let seconds = processorSeconds {
            diagnostics = YAMLNode.parse(bytes).diagnostics
            report = DiagnosticRenderer(file: "f.yaml", source: bytes).render(diagnostics)
        }
        #expect(diagnostics.hasErrors)
        #expect(report.utf8.count < 50_000)
        // Measured in release mode: at most 45 ms and 6 MiB to parse, 50 ms to report the errors.
        #expect(seconds < 1, "\(bomb): \(seconds) s")
    }

    /// Every reported place is in the text, and no control character of the text gets into the report.
    @Test("Random bytes are refused with a valid place", .tags(.fault24)) func fault24AnyBytes() {
        let seeds = [
            "aurelax: 1\nname: x\nstages:\n  - ml: {fmax: 0.1, move: [1, 2]}\n  - dft: {h: .2}\n",
            "a: |2\n    b\n   c\n\nd: >-\n  e\n  f\n? g\n: 'h''i'\n\"j\\u00e9\": [k, {l: m}]\n# ü\n",
            "\u{FEFF}--- !!map\n&a b: *a\n...\n",
        ].map { Array($0.utf8) }
        let pieces = [
            ": ", "- ", "\n", "\n  ", "[", "]", "{", "}", "\"", "'", "|", ">", "&a", "*a", "!", "%", "#",
            "\t",
            "\0", "\u{85}", "\u{FEFF}", "?",
        ].map { Array($0.utf8) }
        var generator = SplitMix(seed: 24)
        for _ in 0..<10_000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let at = Int.random(in: 0...bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1:
                    let end = min(bytes.count, at + Int.random(in: 1...9, using: &generator))
                    bytes.removeSubrange(at..<end)
                case 2: bytes.insert(contentsOf: bytes.prefix(at).suffix(12), at: at)
                default: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: at)
                }
            }
            let (root, diagnostics) = YAMLNode.parse(bytes)
            let report = DiagnosticRenderer(file: "f", source: bytes).render(diagnostics)
            let marks = diagnostics.compactMap(\.mark)
            let isGood =
                (root != nil || diagnostics.hasErrors) && diagnostics.isEmpty == report.isEmpty
                && marks.allSatisfy { $0.line >= 1 && $0.column >= 1 && $0.line <= bytes.count + 1 }
                && report.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7F }
            guard isGood else {
                Issue.record("\(bytes)\n\(report.debugDescription)")
                return
            }
        }
    }
}

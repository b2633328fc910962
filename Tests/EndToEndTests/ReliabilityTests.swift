import Foundation
import SystemPackage
import Testing

/// The table of docs/reliability.md and the tests that it names.
@Suite struct ReliabilityTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: Program.project.appending(path).string, encoding: .utf8)
    }

    /// Every fault from 1 to 35 has a test that is named after its number, and every such test in the table exists.
    @Test("Every documented fault has its test") func everyFaultHasItsTest() throws {
        let tests = Program.project.appending("Tests").string
        let sources = try FileManager.default.subpathsOfDirectory(atPath: tests).filter {
            $0.hasSuffix(".swift")
        }
        .map { try String(contentsOfFile: "\(tests)/\($0)", encoding: .utf8) }.joined()
        let rows = try Self.text("docs/reliability.md").split(separator: "\n")
        for number in 1...35 {
            let name = "fault" + (number < 10 ? "0" : "") + "\(number)"
            #expect(sources.contains("func \(name)"), "no test is named after fault \(number)")
            let row = try #require(rows.first { $0.hasPrefix("| \(number) |") }, "no row for fault \(number)")
            for word in row.split(separator: "`") where word.hasPrefix("fault") {
                #expect(sources.contains("func \(word)("), "the table names \(word), which does not exist")
            }
        }
    }
}

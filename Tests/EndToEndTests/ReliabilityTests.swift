import Foundation
import SystemPackage
import Testing

/// The table of faults in docs/reliability.md agrees with the tests.
@Suite struct ReliabilityTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: Program.project.appending(path).string, encoding: .utf8)
    }

    /// For every fault from 1 to 35 there is a test whose name begins with the fault's number (`fault07…`), and every
    /// test that the table names exists.
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

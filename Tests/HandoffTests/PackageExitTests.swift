import Foundation
import Handoff
import Testing

/// The table of exit statuses in `PackageExit` agrees with the scripts and with docs/hand-off.md.
@Suite struct PackageExitTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test("The document contains the table of exit codes") func theDocumentHoldsTheTable() throws {
        #expect(
            try text("docs/hand-off.md").contains("\n\(PackageExit.markdown)\n"), "\(PackageExit.markdown)")
    }

    @Test("The scripts use the exit codes of the table") func theScriptsEndWithTheTable() throws {
        let script = try text("Sources/Handoff/Templates/relaxation.py")
        let pairs = PackageExit.allCases.compactMap { status in
            status.verdict.map { "'\($0.rawValue)': \(status.rawValue)" }
        }
        #expect(pairs.count == 6)
        #expect(script.contains("EXIT = {\(pairs.joined(separator: ", "))}\n"), "\(pairs)")
        #expect(
            script.contains("REFUSED, BUSY = \(PackageExit.refused.rawValue), \(PackageExit.busy.rawValue)\n")
        )
        #expect(ResultVerdict.allCases.allSatisfy { $0.exitCode == $0.exit.rawValue })
    }
}

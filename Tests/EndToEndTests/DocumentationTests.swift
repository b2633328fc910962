import Foundation
import Testing

/// Checks the commands in documents and help.
@Suite struct DocumentationTests {
    /// Checks each command, each option and each target of make.
    @Test("Every documented command and option exists") func documentedCommands() async throws {
        let documented = try await DocumentedCommands()
        let lines = try documented.lines()
        #expect(lines.count > 70)
        for line in lines {
            let wrong = documented.mistake(in: line)
            #expect(wrong.isEmpty, "\(line.place): \(line.command): \(wrong)")
        }
    }

    /// Runs each command except those in the list of exceptions.
    @Test("Commands in the documents run", .enabled(if: Available.python && Available.slow))
    func documentedCommandsRun() async throws {
        let documented = try await DocumentedCommands()
        let bench = try await Workbench()
        var exceptions: Set<String> = []
        var lines: [DocumentedLine] = []
        for line in try documented.lines() {
            if let exception = Workbench.exceptions.first(where: { line.command.hasPrefix($0.beginning) }) {
                exceptions.insert(exception.beginning)
            } else {
                lines.append(line)
            }
        }
        let (apart, together) = (lines.filter(Workbench.isApart), lines.filter { !Workbench.isApart($0) })
        async let first = bench.mistakes(in: apart)
        async let second = bench.mistakes(in: together)
        for mistake in try await first + second { Issue.record("\(mistake)") }
        // An exception that no document needs any more must be removed.
        #expect(exceptions.count == Workbench.exceptions.count, "\(exceptions.sorted())")
    }
}

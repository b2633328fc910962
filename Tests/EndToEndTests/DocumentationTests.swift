import Foundation
import Testing

/// What the documents and the help tell people to type.
@Suite struct DocumentationTests {
    /// Each command is there, each option, and each target of make.
    @Test func documentedCommandsAreThere() async throws {
        let documented = try await DocumentedCommands()
        let lines = try documented.lines()
        #expect(lines.count > 70)
        for line in lines {
            let wrong = documented.mistake(in: line)
            #expect(wrong.isEmpty, "\(line.place): \(line.command): \(wrong)")
        }
    }

    /// Each of them does what it says, but for those that are excepted by name.
    @Test(.enabled(if: Available.python && Available.slow)) func documentedCommandsRun() async throws {
        let documented = try await DocumentedCommands()
        let bench = try await Workbench()
        var exceptions: Set<String> = []
        for line in try documented.lines() {
            if let exception = Workbench.exceptions.first(where: { line.command.hasPrefix($0.beginning) }) {
                exceptions.insert(exception.beginning)
                continue
            }
            let result = try await bench.run(line.command)
            #expect(
                result.status == 0,
                "\(line.place): \(line.command): status \(result.status)\n\(result.output)")
        }
        // An exception that nothing needs any more goes.
        #expect(exceptions.count == Workbench.exceptions.count, "\(exceptions.sorted())")
    }
}

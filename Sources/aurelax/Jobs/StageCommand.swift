import ArgumentParser
import DurableFiles
import Foundation
import SystemPackage
import UnixSignals
import Workflow

struct StageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage",
        abstract: "Run one ML stage that a daemon has handed out in the outbox.",
        discussion: """
            Slurm runs this command if the spool's aurelax.yaml has `ml: {executor: slurm}`. The stage's folder contains \
            the task; trajectory, log and result are written there. An interrupted stage resumes.

            The exit status is 0 if the stage is done, 6 if it was stopped by a signal (SIGUSR1, SIGTERM, SIGINT: after \
            its step), 8 if another process is running it; errors have the statuses of the other commands.
            """)

    @Argument(help: "Folder of the stage.", completion: .directory)
    var folder: String

    func run() async throws {
        let directory = try Directory(FilePath(URL(fileURLWithPath: folder).resolvingSymlinksInPath().path))
        let stop = StopFlag()
        let listener = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigusr1, .sigterm, .sigint) { stop.set() }
        }
        defer { listener.cancel() }
        do {
            switch try await onOwnThread({ try StageTask.run(in: directory, stop: stop) { _, _ in } }) {
            case .finished(let report): printError(report.verdict.text)
            case .stopped:
                printError("stopped between two steps; run it again to resume")
                throw ExitCode(6)
            }
        } catch let held as LockHeld {
            printError("another process is running this stage: \(held)")
            throw ExitCode(8)
        }
    }
}

import ArgumentParser
import DurableFiles
import Foundation
import SystemPackage
import UnixSignals
import Workflow

struct StageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage",
        abstract: "Do one ML stage that a daemon has left in the outbox for another machine.",
        discussion: """
            What Slurm runs where the spool's aurelax.yaml says `ml: {executor: slurm}`. The stage's folder holds \
            what is to be done; trajectory, log and result are left there. Again, it goes on where it was.

            The exit status is 0 where the stage is done, 6 where it was asked to stop (SIGUSR1, SIGTERM, SIGINT: after \
            its step), 8 where another process does it; for errors it is that of the other commands.
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
                printError("stopped between two steps; it goes on from there")
                throw ExitCode(6)
            }
        } catch let held as LockHeld {
            printError("another process is running this stage: \(held)")
            throw ExitCode(8)
        }
    }
}

import ArgumentParser
import Workflow

@main
struct Aurelax: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aurelax",
        abstract: "Relaxes gold–thiolate nanoclusters: coarse by machine learning, fine by DFT.",
        discussion: """
            Drop a job into the inbox of a spool (or `aurelax submit` it), let `aurelax daemon` run, and \
            follow it with `aurelax status` and `aurelax log`. Results are in the outbox.

            The exit status is 0 for success, 1 for failure, 2 for wrong usage, 3 if another daemon is \
            running on the spool, 4 for an unusable store, 5 for missing space or permissions, \
            6 if the disk failed, 7 if there is no such job or spool, 8 if a relaxation did not \
            converge, 9 if a force field is missing. `aurelax dft run` and `aurelax stage` have their own \
            statuses; see their help.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Jobs",
                subcommands: [
                    DaemonCommand.self, NewJob.self, Submit.self, Validate.self, Status.self, Watch.self,
                    Show.self,
                    Log.self,
                    ReportCommand.self, Table.self, Compare.self, Export.self, Archive.self,
                    RecordCommand.self, Cancel.self,
                    Pause.self, Resume.self, Retry.self,
                    SchemaCommand.self, DFT.self, StageCommand.self, Steer.self,
                    Doctor.self, Recover.self,
                ]),
            CommandGroup(
                name: "Structures",
                subcommands: [
                    Relax.self, MolecularDynamicsCommand.self, Predict.self, DescriptorCommand.self,
                    Convert.self, Build.self,
                ]),
            CommandGroup(
                name: "Models",
                subcommands: [
                    Train.self, Evaluate.self, ScanCommand.self, ModelCommand.self, DataSetCommand.self,
                    ServeForces.self,
                ]),
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            endProcess(status: code.rawValue)
        } catch {
            if let status = exitStatus(of: error) {
                printError(errorText(of: error))
                endProcess(status: status.rawValue)
            }
            // The parser prints help and version to standard output; everything else is wrong
            // usage.
            let text = fullMessage(for: error)
            if exitCode(for: error) == .success {
                print(text)
                endProcess(status: ExitStatus.done.rawValue)
            }
            printError(text)
            endProcess(status: ExitStatus.usage.rawValue)
        }
    }
}

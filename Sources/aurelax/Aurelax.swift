import ArgumentParser

@main
struct Aurelax: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aurelax",
        abstract: "Relaxes gold–thiolate nanoclusters: coarse by machine learning, fine by DFT.",
        discussion: """
            Drop a job into the inbox of a spool (or `aurelax submit` it), let `aurelax daemon` run, and \
            follow it with `aurelax status` and `aurelax log`. Results are in the outbox.

            \(ExitStatus.help)
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(name: "Jobs", subcommands: []),
            CommandGroup(
                name: "Structures",
                subcommands: [Relax.self, Predict.self, DescriptorCommand.self, Convert.self, Build.self]),
            CommandGroup(
                name: "Models", subcommands: [Train.self, Evaluate.self, ModelCommand.self]),
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
            exit(withStatus: code.rawValue)
        } catch {
            let status = ExitStatus(of: error)
            if let status {
                printError(message(of: error))
                exit(withStatus: status.rawValue)
            }
            // The parser's own: help and version to standard output, everything else is wrong usage.
            let text = fullMessage(for: error)
            if exitCode(for: error) == .success {
                print(text)
                exit(withStatus: ExitStatus.done.rawValue)
            }
            printError(text)
            exit(withStatus: ExitStatus.usage.rawValue)
        }
    }
}

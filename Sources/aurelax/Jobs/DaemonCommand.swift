import ArgumentParser
import Logging
import Workflow

struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Watch the inbox and do the jobs.",
        discussion: """
            Works on one spool: inbox/ and outbox/, made where they are missing, and its own state in \
            .aurelax/. Stops cleanly on SIGTERM or SIGINT; whatever ended it, the next start goes on where \
            this one was. DFT stages are handed out as packages in the outbox: run them with `aurelax dft \
            serve`, `aurelax dft run`, by hand, or with Slurm.
            """)

    @OptionGroup var spool: SpoolOptions
    @Flag(help: "End when nothing is left that can be done without anybody else.")
    var once = false
    @Option(name: .customLong("jobs"), help: "Stages that compute at the same time.")
    var concurrentStages = 1
    @Option(help: "Seconds between two looks at the spool.")
    var interval = 1.0
    @Option(help: "Seconds for which a file of the inbox has to be unchanged before it is read.")
    var settle = 2.0
    @Option(help: "Messages from this level on: debug, info, warning, error.")
    var logLevel = Logger.Level.info

    func validate() throws {
        guard concurrentStages >= 1 else { throw ValidationError("--jobs is at least 1") }
        guard interval > 0, settle >= 0 else { throw ValidationError("--interval and --settle are positive") }
    }

    func run() async throws {
        var configuration = DaemonConfiguration(spool: spool.spool, modelPath: Models.searchPath)
        configuration.python = Program.python
        configuration.once = once
        configuration.concurrentStages = concurrentStages
        configuration.interval = .seconds(interval)
        configuration.settle = .seconds(settle)
        configuration.watcher = Program.sibling("aurelax-watch")
        var logger = Logger(label: "aurelax") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        try await Daemon(configuration, logger: logger).run()
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

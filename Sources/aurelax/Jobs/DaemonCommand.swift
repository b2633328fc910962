import ArgumentParser
import Dashboard
import Foundation
import Logging
import Reports
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
    @Option(help: "How messages are written: text, or json (a line of JSON each).")
    var logFormat = LogFormat.text

    @Option(
        help: ArgumentHelp(
            "Pages about the jobs at http://HOST:PORT/, for a browser on this machine or through a tunnel.",
            discussion: """
                Read-only, unless $AURELAX_DASHBOARD_TOKEN is set: then whoever knows it may cancel, pause, resume and \
                retry jobs there. Other machines do not reach it: ssh -L 8787:127.0.0.1:8787.
                """, valueName: "host:port"))
    var dashboard: Address?
    @Option(
        help: "Another name by which the dashboard may be called, as a proxy's; may be given more than once.")
    var dashboardName: [String] = []

    enum LogFormat: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    func validate() throws {
        guard (1...1024).contains(concurrentStages) else {
            throw ValidationError("--jobs is \(concurrentStages); it can be 1 to 1024")
        }
        guard (0.01...86_400).contains(interval) else {
            throw ValidationError("--interval is \(interval) s; it can be 0.01 to 86400")
        }
        guard (0...86_400).contains(settle) else {
            throw ValidationError("--settle is \(settle) s; it can be 0 to 86400")
        }
        guard dashboard == nil || !once else { throw ValidationError("--dashboard is not for --once") }
        if let dashboard, !dashboard.isLoopback, dashboardName.isEmpty {
            throw ValidationError(
                "--dashboard \(dashboard.host): everybody who reaches this machine could read it; use 127.0.0.1 and a "
                    + "tunnel, or say with --dashboard-name by which name it may be called")
        }
    }

    func run() async throws {
        var configuration = DaemonConfiguration(spool: spool.spool, modelPath: Models.searchPath)
        configuration.python = Program.python
        configuration.program = Program.path
        configuration.once = once
        configuration.concurrentStages = concurrentStages
        configuration.interval = .seconds(interval)
        configuration.settle = .seconds(settle)
        configuration.watcher = Program.sibling("aurelax-watch")
        var logger = Logger(label: "aurelax") { label in
            switch logFormat {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler()
            }
        }
        logger.logLevel = logLevel
        if let dashboard {
            var settings = Dashboard.Settings(host: dashboard.host, port: dashboard.port)
            settings.names = dashboardName
            settings.token = ProcessInfo.processInfo.environment["AURELAX_DASHBOARD_TOKEN"]
            configuration.companions.append(
                Dashboard(
                    settings, client: spool.client, modelPath: configuration.modelPath,
                    viewer: StructureViewer(python: Program.python), logger: logger))
        }
        try await Daemon(configuration, logger: logger).run()
    }
}

/// `127.0.0.1:8787`, `[::1]:8787`.
struct Address: ExpressibleByArgument {
    let host: String
    let port: Int

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        let host = argument[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        guard !host.isEmpty else { return nil }
        (self.host, self.port) = (host, Int(port))
    }

    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

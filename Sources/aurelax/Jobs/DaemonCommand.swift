import ArgumentParser
import Dashboard
import Foundation
import Logging
import Reports
import Workflow

struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Watch the inbox and run the jobs.",
        discussion: """
            Serves one spool: inbox/ and outbox/, created if they are missing, and its own state in \
            .aurelax/. Stops cleanly on SIGTERM or SIGINT; after any end, the next start resumes where \
            this one stopped. DFT stages are handed out as packages in the outbox: run them with `aurelax dft \
            serve`, `aurelax dft run`, by hand, or with Slurm.
            """)

    @OptionGroup var spool: SpoolOptions
    @Flag(help: "End when all remaining jobs wait for something outside the daemon.")
    var once = false
    @Option(name: .customLong("jobs"), help: "Number of stages that compute at the same time.")
    var concurrentStages = 1
    @Option(help: "Seconds between two polls of the spool.")
    var interval = 1.0
    @Option(help: "Seconds for which a file in the inbox must be unchanged before it is read.")
    var settle = 2.0
    @Option(help: "Lowest level of messages: debug, info, warning, error.")
    var logLevel = Logger.Level.info
    @Option(help: "Format of messages: text, or json (one line of JSON each).")
    var logFormat = LogFormat.text

    @Option(
        help: ArgumentHelp(
            "Serve web pages about the jobs at http://HOST:PORT/, for a browser on this machine or through a tunnel.",
            discussion: """
                Read-only, unless $AURELAX_DASHBOARD_TOKEN is set: then users with this token can cancel, pause, resume and \
                retry jobs. Other machines need a tunnel: ssh -L 8787:127.0.0.1:8787.
                """, valueName: "host:port"))
    var dashboard: Address?
    @Option(
        help: "Additional host name of the dashboard, such as a proxy's; may be repeated.")
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
        guard dashboard == nil || !once else {
            throw ValidationError("--dashboard cannot be used with --once")
        }
        if let dashboard, !dashboard.isLoopback, dashboardName.isEmpty {
            throw ValidationError(
                "--dashboard \(dashboard.host): everybody with access to this machine could read it; use 127.0.0.1 and a "
                    + "tunnel, or give the allowed host name with --dashboard-name")
        }
    }

    func run() async throws {
        var configuration = DaemonConfiguration(spool: spool.spool, modelPath: Models.searchPath)
        // A service manager waits 15 s for the end of the daemon; users wait less.
        configuration.exitDeadline = .milliseconds(9500)
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

/// A host and a port: `127.0.0.1:8787`, `[::1]:8787`.
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

    /// Whether the host is a loopback address of this machine. A name that only begins like one, such as
    /// `127.example.com`, is not: it may belong to any machine.
    var isLoopback: Bool {
        var address = in_addr()
        let isIPv4 = inet_pton(AF_INET, host, &address) == 1
        return host == "localhost" || host == "::1" || isIPv4 && host.hasPrefix("127.")
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

internal import DurableFiles
import Foundation
import Handoff
internal import Logging
import ServiceLifecycle
internal import Slurm
import Synchronization
import SystemPackage

/// The service that follows Slurm's queue while the daemon runs.
struct SlurmService: Service {
    let follower: SlurmFollower
    let pause: Duration
    let logger: Logger
    /// Called after a change, so that the engine shows it.
    let wake: @Sendable () -> Void

    func run() async throws {
        // The outcome of an interrupted command is unknown; the next start determines it.
        try await cancelWhenGracefulShutdown { try await follow() }
    }

    private func follow() async throws {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            do {
                if ContinuousClock.now >= next {
                    next = .now + (try await follower.look())
                    wake()
                }
                try await follower.tend()
            } catch {
                guard !isFatal(error) else { throw error }
                logger.error("following Slurm: \(error)")
                next = .now + pause
            }
            let wait = Duration.seconds(min(1, await follower.settings.interval))
            try? await Task.sleep(for: wait)
        }
    }
}

/// The service that runs packages on this machine, one at a time.
struct LocalService: Service {
    let server: PackageServer
    let logger: Logger

    init(
        _ daemon: DaemonConfiguration, _ store: Store, _ configuration: SpoolConfiguration, _ logger: Logger
    ) {
        var options = LocalRunner.Options.from(environment: ProcessInfo.processInfo.environment)
        options.python = configuration.python ?? daemon.python
        options.program = daemon.program
        options.mpiexec = configuration.mpiexec ?? options.mpiexec
        // The daemon has ten seconds to stop, so a package has fewer.
        options.grace = .seconds(6)
        var serving = PackageServer.Options()
        serving.once = daemon.once
        server = PackageServer(
            outbox: daemon.spool.outbox, runner: LocalRunner(options), options: serving,
            turns: { try store.packagesInTurn() }, isPublished: { try store.isPublished($0) })
        self.logger = logger
    }

    func run() async throws { try await cancelWhenGracefulShutdown { _ = try await serve() } }

    /// Runs packages until the service is cancelled; if the daemon runs with `once`, until no package waits.
    ///
    /// - Returns: whether there was a package to run.
    func serve() async throws -> Bool {
        let logger = logger
        let flag = RanFlag()
        try await server.run { event in
            if case .progress = event.kind { return }
            if case .ended = event.kind { flag.ran.store(true, ordering: .relaxed) }
            logger.about(event.package).info("\(event)")
        }
        return flag.ran.load(ordering: .relaxed)
    }

    private final class RanFlag: Sendable { let ran = Atomic<Bool>(false) }
}

extension SpoolConfiguration {
    /// Reads the configuration of a spool; without a file `aurelax.yaml`, returns the defaults.
    ///
    /// - Throws: ``WorkflowError/configuration(_:)`` with every mistake and its place.
    public static func read(of spool: Spool) throws -> SpoolConfiguration {
        guard FileManager.default.fileExists(atPath: spool.root.appending(file).string),
            let bytes = try Directory(spool.root).read("aurelax.yaml", limit: 1 << 20)
        else { return SpoolConfiguration() }
        let read = SpoolConfigurationFile(bytes, file: spool.root.appending(file).string)
        guard let configuration = read.configuration else { throw WorkflowError.configuration(read.report) }
        return configuration
    }
}

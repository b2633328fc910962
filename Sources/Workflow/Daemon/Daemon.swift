import DurableFiles
public import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals

/// The daemon of one spool.
public struct Daemon: Sendable {
    private let configuration: DaemonConfiguration
    private let logger: Logger

    public init(_ configuration: DaemonConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Works until it is told to stop (SIGTERM, SIGINT), or, with `once`, until nothing is left to do.
    ///
    /// - Throws: ``WorkflowError`` where the spool cannot be worked on, `FileError` where the disk fails.
    public func run() async throws {
        let spool = try configuration.spool.open()
        let lock: ExclusiveLock
        do {
            lock = try ExclusiveLock(configuration.spool.lockName, in: spool.state)
        } catch let held as LockHeld {
            throw WorkflowError.locked(held)
        }
        defer { withExtendedLifetime(lock) {} }
        let store = try Store(configuration.spool.database, verifying: true)
        let engine = try Engine(spool, store, configuration, logger)
        logger.info("working on \(configuration.spool.root)")

        let (wake, alarm) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let turns = Turns(engine: engine, configuration: configuration, wake: wake, alarm: alarm)
        var services = [
            ServiceGroupConfiguration.ServiceConfiguration(
                service: turns, successTerminationBehavior: .gracefullyShutdownGroup)
        ]
        if let program = configuration.watcher {
            let watcher = Watcher(
                program: program, directory: configuration.spool.inbox.string, logger: logger
            ) { name in
                if let name { await engine.noteClosed(name) }
                alarm.yield()
            }
            services.append(.init(service: watcher, successTerminationBehavior: .ignore))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
        try store.close()
        logger.info("stopped")
    }
}

/// One turn of the engine after the other.
private struct Turns: Service {
    let engine: Engine
    let configuration: DaemonConfiguration
    let wake: AsyncStream<Void>
    let alarm: AsyncStream<Void>.Continuation

    func run() async throws {
        let ticker = Task {
            while !Task.isCancelled {
                alarm.yield()
                try? await Task.sleep(for: configuration.interval)
            }
        }
        defer { ticker.cancel() }
        var idle = 0
        for await _ in wake.cancelOnGracefulShutdown() {
            // Twice in a row, so that what a turn set going is seen.
            idle = try await engine.turn() ? idle + 1 : 0
            if configuration.once, idle >= 2 { return }
        }
    }
}

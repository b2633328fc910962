package import Atomistics
internal import DurableFiles
import Foundation
import GRDB
import Glibc
package import JobSpec
public import Logging
public import ServiceLifecycle
internal import Slurm
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

    /// Runs until it is stopped (SIGTERM, SIGINT), or, with `once`, until nothing is left to do.
    ///
    /// - Throws: ``WorkflowError`` if the spool cannot be used, `FileError` if the disk fails.
    public func run() async throws {
        do {
            try await work()
        } catch let error as DatabaseError {
            throw WorkflowError.database(configuration.spool.database, error.description, isFatal(error))
        }
    }

    private func work() async throws {
        let executors = try SpoolConfiguration.read(of: configuration.spool)
        var configuration = configuration
        if executors.executor == .slurm { configuration.resourceLimits = executors.slurm.limits }
        configuration.handsOutML = executors.ml.executor == .slurm
        if let models = executors.ml.models { configuration.modelPath.insert(models, at: 0) }
        let spool = try await whenPossible { try configuration.spool.open() }
        let lock = try await takeLock(spool)
        defer { withExtendedLifetime(lock) {} }
        let (wake, alarm) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (store, engine) = try await whenPossible {
            let store = try open(spool)
            return (store, try Engine(spool, store, configuration, logger) { alarm.yield() })
        }
        logger.info("working on \(configuration.spool.root)")
        // Runs in parallel to the work, because a Python may take a while to list its modules.
        let check = Task.detached { [executors, logger, python = configuration.python] in
            for problem in ExecutorCheck(executors, python: python).problems { logger.warning("\(problem)") }
        }
        defer { check.cancel() }

        let manager = ServiceManager()
        let follower = executors.usesSlurm ? slurmFollower(spool, store, executors) : nil
        let local =
            executors.executor == .local
            ? LocalService(configuration, store, executors, logger) : nil
        let turns = Turns(
            engine: engine, configuration: configuration, wake: wake, alarm: alarm, manager: manager,
            follower: follower, local: local)
        var services = [
            ServiceGroupConfiguration.ServiceConfiguration(
                service: turns, successTerminationBehavior: .gracefullyShutdownGroup)
        ]
        if let program = configuration.watcher {
            let watcher = Watcher(
                program: program, directory: configuration.spool.inbox.string, logger: logger
            ) { hint in
                switch hint {
                case .closed(let name): await engine.noteClosed(name)
                case .changed: break
                case .ready: await engine.noteWatcher(isAlive: true)
                case .lost: await engine.noteWatcher(isAlive: false)
                }
                alarm.yield()
            }
            services.append(.init(service: watcher, successTerminationBehavior: .ignore))
        }
        if let follower, !configuration.once {
            services.append(
                .init(
                    service: SlurmService(follower: follower, pause: configuration.pause, logger: logger) {
                        alarm.yield()
                    }))
        }
        if let local, !configuration.once { services.append(.init(service: local)) }
        // The group stops its last service first and waits for it. Companions are put first, so that a companion
        // that is still making a page does not delay the end of the engine's turns.
        for companion in configuration.companions where !configuration.once {
            services.insert(.init(service: companion), at: 0)
        }
        let backstop = configuration.exitDeadline.map(Self.endProcess(afterSignal:))
        defer { backstop?.forEach { $0.cancel() } }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch {
            manager?.send("STOPPING=1")
            await engine.stop()
            throw error
        }
        manager?.send("STOPPING=1")
        // A store that is still in use stays open; the next start reads its log.
        if await engine.stop() { try store.close() }
        logger.info("stopped")
    }
}

extension Daemon {
    /// Ends the process a while after SIGTERM or SIGINT, even if its services still wait.
    ///
    /// - Returns: the signal sources; cancelling them ends the watch.
    private static func endProcess(afterSignal deadline: Duration) -> [any DispatchSourceSignal] {
        let queue = DispatchQueue(label: "aurelax.signals")
        return [SIGTERM, SIGINT].map { signal in
            let source = DispatchSource.makeSignalSource(signal: signal, queue: queue)
            source.setEventHandler { Turns.endProcess(after: deadline) }
            source.resume()
            return source
        }
    }

    private func slurmFollower(
        _ spool: OpenSpool, _ store: Store, _ executors: SpoolConfiguration
    ) -> SlurmFollower {
        var commands = SlurmCommands()
        commands.timeout = .seconds(executors.slurm.timeout)
        return SlurmFollower(spool, store, executors, commands, logger, program: configuration.program)
    }

    /// Runs the body at the start of the daemon. After an error that may pass, such as a full disk, waits and
    /// retries until the body succeeds; with `once`, throws the error.
    private func whenPossible<Result>(_ body: () throws -> Result) async throws -> Result {
        while true {
            do {
                return try body()
            } catch {
                guard isPassing(error), !configuration.once else { throw error }
                logger.error("cannot start yet: \(error)")
                ServiceManager()?.send("STATUS=cannot start yet: \(error)")
                try await Task.sleep(for: configuration.pause)
            }
        }
    }

    /// Takes the lock, with a few retries, because a process that only checks whether a daemon is running
    /// holds it briefly.
    private func takeLock(_ spool: OpenSpool) async throws -> ExclusiveLock {
        for attempt in 1... {
            do {
                return try ExclusiveLock(configuration.spool.lockName, in: spool.state)
            } catch let held as LockHeld {
                guard attempt < 5 else { throw WorkflowError.locked(held) }
                try await Task.sleep(for: .milliseconds(40))
            }
        }
        preconditionFailure("the loop ends by itself")
    }

    /// Opens the store.
    ///
    /// - Throws: ``WorkflowError`` if jobs were accepted before and their store is missing.
    private func open(_ spool: OpenSpool) throws -> Store {
        let path = configuration.spool.database
        let size = try spool.state.status(of: "jobs.sqlite")?.size ?? 0
        let log = try spool.state.status(of: "jobs.sqlite-wal")?.size ?? 0
        guard try size > 0 || log > 0 || spool.blobs.isEmpty() else {
            throw WorkflowError.damagedStore(
                path, "it is empty or missing, although jobs were accepted before")
        }
        return try Store(path, verifying: true)
    }
}

/// The service that runs the turns of the engine.
private struct Turns: Service {
    let engine: Engine
    let configuration: DaemonConfiguration
    let wake: AsyncStream<Void>
    let alarm: AsyncStream<Void>.Continuation
    /// systemd, which receives a report after every turn, so that it notices a daemon that hangs; nil without
    /// systemd.
    let manager: ServiceManager?
    /// Follows the packages in Slurm's queue; nil if no packages go to Slurm.
    let follower: SlurmFollower?
    /// Runs packages on this machine; nil if the daemon does not run packages itself.
    let local: LocalService?
    func run() async throws {
        let ticker = Task {
            while !Task.isCancelled {
                alarm.yield()
                try? await Task.sleep(for: configuration.interval)
            }
        }
        defer { ticker.cancel() }
        try await withGracefulShutdownHandler {
            try await work()
        } onGracefulShutdown: {
            engine.stopping.set()
        }
    }

    /// Ends the process after a time if it does not end by itself. Interrupted writes are repeated at the
    /// next start.
    static func endProcess(after deadline: Duration) {
        let thread = Thread {
            Thread.sleep(forTimeInterval: deadline / .seconds(1))
            _exit(0)
        }
        thread.start()
    }

    private func work() async throws {
        var idle = 0
        for await _ in wake.cancelOnGracefulShutdown() {
            // Two idle turns in a row are required, because only the second one sees the effects of the first.
            idle = try await engine.turn() ? idle + 1 : 0
            await engine.noteTroubleOfEngines()
            if let manager { try await manager.tell(engine) }
            if let follower, !configuration.once {
                await engine.note(trouble: follower.trouble, of: "Slurm")
                if let limits = await follower.limits { await engine.note(resourceLimits: limits) }
            }
            guard configuration.once, idle >= 2 else { continue }
            // Submitted jobs continue without this daemon; others must be submitted first.
            if let follower {
                _ = try await follower.look()
                try await follower.tend()
                _ = try await engine.turn()
            }
            if let local, try await local.serve() {
                idle = 0
                alarm.yield()
                continue
            }
            return
        }
    }
}

/// The configuration of a daemon.
public struct DaemonConfiguration: Sendable {
    public var spool: Spool
    /// Directories with trained models.
    public var modelPath: [String]
    /// Number of stages that compute at the same time.
    public var concurrentStages = 1
    /// Whether to end when all remaining jobs wait for something outside the daemon.
    public var once = false
    /// Time between two polls, with or without hints of the watcher.
    public var interval: Duration = .seconds(1)
    /// Time for which a file in the inbox must be unchanged before it is read.
    public var settle: Duration = .seconds(2)
    /// Delay before new work is started after space or descriptors ran out.
    public var pause: Duration = .seconds(5)
    /// Time that a stage has for reaching its next step when the daemon stops; the daemon does not wait
    /// longer.
    public var grace: Duration = .seconds(8)
    /// Longest time that a turn waits for results and reports on other threads before it continues with the
    /// other jobs.
    public var patience: Duration = .seconds(2)
    /// If set, the process ends this long after a stop request, even if work is still running.
    public var exitDeadline: Duration?
    /// A step of a stage that takes longer than this counts as hanging: the daemon ends, so that its supervisor
    /// starts it again.
    public var stepLimit: Duration = .seconds(3600)
    /// The watcher program; nil to poll without it.
    public var watcher: String?
    /// Python with ASE and the engines, for ML stages and for packages that the daemon runs itself,
    /// unless `aurelax.yaml` names another.
    public var python = "python3"
    /// The path of this program for other machines.
    public var program = "aurelax"
    /// Whether other machines run the ML stages, whose tasks are then written into the outbox.
    package var handsOutML = false
    /// Upper limits for a job's request of cluster resources; nil if there are none.
    package var resourceLimits: Resources?
    /// Services that run as long as the daemon; an error of a service ends the daemon.
    public var companions: [any Service] = []
    /// The source of force fields; nil to load them from ``modelPath``.
    package var forceField: (@Sendable (_ name: String) throws -> any ForceField)?

    public init(spool: Spool, modelPath: [String]) {
        self.spool = spool
        self.modelPath = modelPath
    }
}

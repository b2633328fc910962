package import Logging
import ServiceLifecycle
import Subprocess
import SystemPackage

/// The service that keeps the watcher process running and passes on its hints. Without the watcher, polling
/// finds everything a little later.
package struct Watcher: Service {
    package enum Hint: Sendable, Equatable {
        /// Watching of the directory has started: look for files that were there before.
        case ready
        /// A writer closed the file, or it was renamed to this name.
        case closed([UInt8])
        /// Another change, or the kernel lost events.
        case changed
        /// No watcher is running.
        case lost
    }

    let program: String
    let directory: String
    let logger: Logger
    let hint: @Sendable (Hint) async -> Void

    package init(
        program: String, directory: String, logger: Logger, hint: @escaping @Sendable (Hint) async -> Void
    ) {
        (self.program, self.directory, self.logger, self.hint) = (program, directory, logger, hint)
    }

    package func run() async throws {
        var delay = Duration.milliseconds(250)
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            let started = ContinuousClock.now
            let end: String
            do {
                end = try await outcome().description
            } catch {
                end = "\(error)"
            }
            guard !Task.isShuttingDownGracefully, !Task.isCancelled else { return }
            await hint(.lost)
            if started.duration(to: .now) > .seconds(60) { delay = .milliseconds(250) }
            logger.warning(
                "degraded: the watcher of \(directory) ended (\(end)); the inbox is polled; restarting the watcher in \(delay)"
            )
            let pause = delay
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
            delay = min(delay * 2, .seconds(60))
        }
    }

    /// Runs the watcher until its process ends, but at most until five seconds after a shutdown began, because
    /// without file descriptors the end of a process may not be noticed.
    private func outcome() async throws -> TerminationStatus {
        let (ends, end) = AsyncStream.makeStream(of: Result<TerminationStatus, any Error>.self)
        let watching = Task {
            do { end.yield(.success(try await watch())) } catch { end.yield(.failure(error)) }
            end.finish()
        }
        return try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                for await result in ends { return try result.get() }
                throw CancellationError()
            } onGracefulShutdown: {
                Task {
                    try? await Task.sleep(for: .seconds(5))
                    end.finish()
                }
            }
        } onCancel: {
            watching.cancel()
            end.finish()
        }
    }

    /// Runs the watcher and passes on its reports, until it ends.
    private func watch() async throws -> TerminationStatus {
        try await Subprocess.run(
            .path(FilePath(program)), arguments: [directory], input: .inputWriter, output: .sequence,
            error: .discarded
        ) { execution in
            let input = execution.standardInputWriter
            try await withGracefulShutdownHandler {
                for try await line in execution.standardOutput.strings() { await hint(Self.hint(in: line)) }
            } onGracefulShutdown: {
                // The watcher ends when its standard input closes; if it does not end, it is killed.
                Task {
                    try? await input.finish()
                    try? await Task.sleep(for: .seconds(1))
                    try? execution.send(signal: .kill)
                }
            }
        }.terminationStatus
    }

    /// Returns the meaning of a line that the watcher printed, such as `closed <directory> <name>`; its fields
    /// are percent-encoded.
    package static func hint(in line: String) -> Hint {
        let fields = line.split(separator: "\t")
        switch fields.first {
        case "ready": return .ready
        case "closed" where fields.count == 3, "moved" where fields.count == 3:
            return .closed(decoded(fields[2]))
        default: return .changed
        }
    }

    private static func decoded(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}

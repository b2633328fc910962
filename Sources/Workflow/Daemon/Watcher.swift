import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the watcher's process running and passes on its hints. Without it everything is found by looking,
/// only a little later.
struct Watcher: Service {
    let program: String
    let directory: String
    let logger: Logger
    /// A file was closed or renamed into the directory: its name; nil for anything else that happened.
    let hint: @Sendable ([UInt8]?) async -> Void

    func run() async throws {
        var delay = 1
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            let started = ContinuousClock.now
            do {
                try await watch()
            } catch {
                logger.warning("watching \(directory): \(error)")
            }
            guard !Task.isShuttingDownGracefully, !Task.isCancelled else { return }
            if started.duration(to: .now) > .seconds(60) { delay = 1 }
            logger.warning(
                "degraded: no watcher, the inbox is only looked at now and then; again in \(delay) s")
            let pause = Duration.seconds(delay)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
            delay = min(delay * 2, 60)
        }
    }

    /// Until the process ends.
    private func watch() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [directory]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let rest = Mutex<[UInt8]>([])
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                continuation.finish()
                return
            }
            rest.withLock { rest in
                rest += data
                while let end = rest.firstIndex(of: 10) {
                    continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeFirst(end + 1)
                }
            }
        }
        try process.run()
        await withGracefulShutdownHandler {
            for await line in lines { await hint(Self.name(in: line)) }
        } onGracefulShutdown: {
            // The watcher ends with its standard input.
            try? input.fileHandleForWriting.close()
            continuation.finish()
        }
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw WatcherEnded(status: process.terminationStatus)
        }
    }

    private struct WatcherEnded: Error, CustomStringConvertible {
        let status: Int32
        var description: String { "the watcher ended with status \(status)" }
    }

    /// The name in a line `closed <directory> <name>` or `moved …`, percent-decoded.
    static func name(in line: String) -> [UInt8]? {
        let fields = line.split(separator: "\t")
        guard fields.count == 3, fields[0] == "closed" || fields[0] == "moved" else { return nil }
        var bytes: [UInt8] = []
        var rest = Array(fields[2].utf8)[...]
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

import HTTPTypes
import Hummingbird
import ServiceLifecycle
import Synchronization

/// A part of a page, sent anew whenever it is another (server-sent events).
enum Live {
    /// Between two looks.
    private static let interval: Duration = .seconds(1)
    /// A word in between, so that both ends notice when the other is gone.
    private static let silence = 15

    /// Streams at the same time; the connections beyond are for everything else.
    private static let most = 256
    private static let open = Atomic<Int>(0)

    /// - Parameter fragment: HTML; what it throws ends the stream.
    static func response(_ fragment: @escaping @Sendable () async throws -> String) throws -> Response {
        guard open.load(ordering: .relaxed) < most else {
            throw HTTPError(.serviceUnavailable, message: "\(most) pages are followed already")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // A proxy that keeps the events back until it has many shows old pages.
                HTTPField.Name("X-Accel-Buffering")!: "no",
            ],
            body: .init { writer in
                open.add(1, ordering: .relaxed)
                defer { open.subtract(1, ordering: .relaxed) }
                var sent = ""
                var quiet = 0
                while !Task.isCancelled, !Task.isShuttingDownGracefully {
                    let now = try await fragment()
                    if now != sent {
                        try await writer.write(ByteBuffer(string: event(now)))
                        (sent, quiet) = (now, 0)
                    } else if quiet >= silence {
                        try await writer.write(ByteBuffer(string: ": still here\n\n"))
                        quiet = 0
                    }
                    quiet += 1
                    try await Task.sleep(for: interval)
                }
                try await writer.finish(nil)
            })
    }

    private static func event(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "data: \($0)\n" }.joined() + "\n"
    }
}

import HTTPTypes
import Hummingbird
import ServiceLifecycle
import Synchronization

/// A part of a page that is sent again whenever it changes (server-sent events).
enum Live {
    /// Time between two checks whether the part of the page has changed.
    private static let interval: Duration = .seconds(1)
    /// Number of checks without a change after which an empty comment is sent, so that both ends notice a broken
    /// connection.
    private static let silence = 15

    /// Largest number of simultaneous streams; other connections stay free for other requests.
    private static let most = 256
    private static let open = Atomic<Int>(0)

    /// Returns a response that sends the HTML of `fragment` at once and after every change.
    ///
    /// - Parameter fragment: returns HTML; an error that it throws ends the stream.
    static func response(_ fragment: @escaping @Sendable () async throws -> String) throws -> Response {
        guard open.load(ordering: .relaxed) < most else {
            throw HTTPError(.serviceUnavailable, message: "the limit of \(most) live pages is reached")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // A proxy must not buffer events, or it would show outdated pages.
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

/// Parts of pages that many clients request: each is made once for all of them.
actor SharedFragments {
    private struct Entry {
        var text: String
        /// The time at which the text expires.
        var end: ContinuousClock.Instant
    }

    private var entries: [String: Entry] = [:]

    /// Returns the part under `key`. It is kept for a second, or for ten times the time that making it took
    /// if that is longer, so that all requests together never cost more than a tenth of a processor.
    func fragment(_ key: String, _ make: () throws -> String) rethrows -> String {
        let start = ContinuousClock.now
        if let known = entries[key], known.end > start { return known.text }
        entries = entries.filter { $0.value.end > start }
        let text = try make()
        let cost = start.duration(to: .now)
        entries[key] = Entry(text: text, end: .now + max(.milliseconds(900), cost * 10))
        return text
    }
}

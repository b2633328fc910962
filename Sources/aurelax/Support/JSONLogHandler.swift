import DurableFiles
import Foundation
import Logging

/// A log handler that writes one line of JSON per message to standard error: time (UTC), level, message,
/// metadata.
struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    private struct Line: Encodable {
        let time, level, message: String
        let metadata: [String: String]?
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let line = Line(
            time: Date().formatted(.iso8601), level: event.level.rawValue, message: "\(event.message)",
            metadata: all.isEmpty ? nil : all.mapValues { "\($0)" })
        // One write per line, so that lines of two threads do not mix.
        guard let bytes = try? JSONEncoder.line.encode(line) else { return }
        FileHandle.standardError.write(bytes + [10])
    }
}

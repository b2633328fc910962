internal import DurableFiles
import Foundation
import GRDB

/// What a daemon says of itself: `.aurelax/daemon.json`.
public struct DaemonHealth: Sendable, Equatable, Codable {
    public var process: Int32
    /// What does not work as it should, each in a line; empty where all is well.
    public var degraded: [String]

    static let file = "daemon.json"
}

/// What cannot be done right now and may be later, by what it concerns.
struct Troubles {
    private var causes: [String: String] = [:]
    /// Nothing new is begun before: space, descriptors or rights are missing.
    private(set) var pauseUntil: ContinuousClock.Instant?

    /// In words, in a fixed order.
    var texts: [String] { causes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } }

    func isPaused(at now: ContinuousClock.Instant = .now) -> Bool { pauseUntil.map { now < $0 } ?? false }

    /// - Returns: true where this is news.
    mutating func note(_ error: any Error, of subject: String, pause: Duration) -> Bool {
        let text = "\(error)"
        if isPassing(error) { pauseUntil = .now + pause }
        defer { causes[subject] = text }
        return causes[subject] != text
    }

    /// The subject works.
    mutating func clear(_ subject: String) { causes[subject] = nil }
}

/// True where what was written may be lost: the process ends, and the next start reads what is really there.
func isFatal(_ error: any Error) -> Bool {
    switch error {
    case let error as FileError: error.isFatal
    case let error as DatabaseError:
        [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR].contains(error.resultCode)
            && ![.SQLITE_IOERR_NOMEM, .SQLITE_IOERR_LOCK].contains(error.extendedResultCode)
    default: false
    }
}

/// True where the same may succeed later without anybody changing the job.
func isPassing(_ error: any Error) -> Bool {
    switch error {
    case let error as FileError: error.isTransient
    case is LockHeld: true
    case let error as DatabaseError:
        [.SQLITE_FULL, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_CANTOPEN, .SQLITE_READONLY]
            .contains(error.resultCode)
    default: false
    }
}

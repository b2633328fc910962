internal import DurableFiles
import Foundation
import GRDB

/// The state of a daemon: `.aurelax/daemon.json`.
public struct DaemonHealth: Sendable, Equatable, Codable {
    public var process: Int32
    /// Problems, one per line; empty if there are none.
    public var degraded: [String]

    static let file = "daemon.json"
}

/// Operations that fail at present and may succeed later, by subject.
struct Troubles {
    private var causes: [String: String] = [:]
    /// No new work before this time: space, descriptors or permissions are missing.
    private(set) var pauseUntil: ContinuousClock.Instant?

    /// Texts in a fixed order.
    var texts: [String] { causes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } }

    func isPaused(at now: ContinuousClock.Instant = .now) -> Bool { pauseUntil.map { now < $0 } ?? false }

    /// - Returns: true if this is new.
    mutating func note(_ error: any Error, of subject: String, pause: Duration) -> Bool {
        let text = "\(error)"
        if isPassing(error) { pauseUntil = .now + pause }
        defer { causes[subject] = text }
        return causes[subject] != text
    }

    /// Records that the subject works.
    mutating func clear(_ subject: String) { causes[subject] = nil }
}

/// True if written data may be lost: the process ends, and the next start reads what is on the
/// disk.
func isFatal(_ error: any Error) -> Bool {
    switch error {
    case let error as FileError: error.isFatal
    case let error as DatabaseError:
        [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR].contains(error.resultCode)
            && ![.SQLITE_IOERR_NOMEM, .SQLITE_IOERR_LOCK].contains(error.extendedResultCode)
    default: false
    }
}

/// True if the same operation may succeed later without a change of the job.
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

internal import DurableFiles
import Foundation
import GRDB
internal import JobSpec
internal import Logging
import SystemPackage

/// The state of the daemon, for users and programs.
extension Engine {
    /// Returns the text that systemd shows: the number of unfinished jobs in each state, and the first problem.
    package func summary() throws -> String {
        let active = try store.counts()
        let parts = JobState.allCases.filter { !$0.isFinal }
            .compactMap { state in active[state].map { "\($0) \(state.rawValue)" } }
        return (parts.isEmpty ? "idle" : parts.joined(separator: ", "))
            + (troubles.texts.first.map { "; degraded: \($0)" } ?? (isWatched == false ? "; no watcher" : ""))
    }

    /// Writes `daemon.json` if it has changed.
    func showHealth() throws {
        let watcher =
            isWatched == false
            ? ["no watcher: the inbox is polled every \(configuration.interval)"] : []
        let now = DaemonHealth(
            process: ProcessInfo.processInfo.processIdentifier,
            degraded: watcher + troubles.texts + foreignTroubles.values.sorted())
        guard now != health else { return }
        try spool.state.replace(FilePath.Component(plain: DaemonHealth.file), try json(now), mode: 0o600)
        health = now
    }

    /// Writes the reasons why files of the inbox wait, if they have changed.
    func showInbox() throws {
        let notes = InboxNotes(pending)
        guard notes != shownInbox else { return }
        try spool.state.replace(InboxNotes.file, try json(notes), mode: 0o600)
        shownInbox = notes
    }

    /// Logs which files of the inbox were accepted or rejected.
    func report(_ incoming: Inbox.Outcome) {
        for record in incoming.accepted { logger.about(record).info("\(record.job.name): accepted") }
        for name in incoming.rejected { logger.warning("rejected: outbox/rejected/\(name)") }
    }

    /// Logs the reasons why files of the inbox wait, and keeps them for ``showInbox()``.
    func reportWaiting(_ incoming: Inbox.Outcome) {
        let waiting = incoming.pending.merging(incoming.notes) { pending, _ in pending }
        for (name, why) in waiting where pending[name] != why {
            logger.info("inbox/\(name): \(why)")
        }
        pending = waiting
    }

    /// Returns a message that names the jobs of the outbox that the store does not know.
    ///
    /// - Returns: nil if the store knows all of them.
    static func unknownJobs(in outbox: Directory, _ store: Store) throws -> String? {
        let unknown = try outbox.names().filter { name in
            guard name != Spool.rejected, try outbox.status(of: name)?.kind == .directory else {
                return false
            }
            do {
                let folder = try outbox.subdirectory(name)
                guard try folder.status(of: FilePath.Component(plain: JobCopy.file)) != nil else {
                    return false
                }
            } catch let error as FileError where !error.isFatal && !error.isTransient {
                // The daemon can read every folder that it created, so an unreadable folder is not a job's.
                return false
            }
            return try store.job(named: name.string) == nil
        }
        guard !unknown.isEmpty else { return nil }
        let names = unknown.prefix(3).map { "‘\($0.escaped)’" }.joined(separator: ", ")
        return "the outbox has jobs that the store does not know: \(names)"
            + (unknown.count > 3 ? " and \(unknown.count - 3) others" : "")
            + "; if the store was restored from an older copy, stop the daemon and run `aurelax recover`"
    }
}

/// The state of a daemon: `.aurelax/daemon.json`.
public struct DaemonHealth: Sendable, Equatable, Codable {
    public var process: Int32
    /// Problems, one per line; empty if there are none.
    public var degraded: [String]

    static let file = "daemon.json"
}

/// Operations that fail at present and may succeed later, by subject (a job, the inbox).
struct Troubles {
    private var causes: [String: String] = [:]
    /// No new work is started before this time, because disk space, file descriptors or permissions are lacking; nil
    /// if none of these is.
    private(set) var pauseUntil: ContinuousClock.Instant?

    /// Texts of the problems in a fixed order.
    var texts: [String] { causes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } }

    func isPaused(at now: ContinuousClock.Instant = .now) -> Bool { pauseUntil.map { now < $0 } ?? false }

    /// Records an error. If the error may pass, no new work is started during `pause`.
    ///
    /// - Returns: true if the error is new.
    mutating func note(_ error: any Error, of subject: String, pause: Duration) -> Bool {
        let text = "\(error)"
        if isPassing(error) { pauseUntil = .now + pause }
        defer { causes[subject] = text }
        return causes[subject] != text
    }

    /// Records that operations on the subject succeed again.
    mutating func clear(_ subject: String) { causes[subject] = nil }
}

/// Returns true if written data may be lost. Then the process ends, and the next start reads what is on the
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

/// Returns true if the same operation may succeed later without a change of the job.
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

extension Logger {
    /// Returns this logger with the job, its stage (from 1) and its attempt as metadata of every line.
    func about(_ record: JobRecord) -> Logger {
        about(record.job.name, stage: record.machine.stage, attempt: record.machine.attempt)
    }

    /// Returns this logger with the job, stage and attempt of a package as metadata of every line.
    ///
    /// - Parameter package: the package's path in the outbox, `<job>/<stage>`.
    func about(_ package: FilePath) -> Logger {
        let names = package.components.suffix(2).map(\.string)
        guard names.count == 2, let parts = StageFolder.parts(of: names[1]) else { return self }
        return about(names[0], stage: parts.stage, attempt: parts.attempt)
    }

    /// - Parameter stage: number of the stage, from 0.
    func about(_ job: String, stage: Int, attempt: Int) -> Logger {
        var logger = self
        logger[metadataKey: "job"] = "\(job)"
        logger[metadataKey: "stage"] = "\(stage + 1)"
        logger[metadataKey: "attempt"] = "\(attempt)"
        return logger
    }
}

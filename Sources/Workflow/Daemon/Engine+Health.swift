internal import DurableFiles
import Foundation
internal import JobSpec
internal import Logging
import SystemPackage

/// What the daemon says of itself.
extension Engine {
    /// Returns how many jobs there are of each kind that a person waits for; for the service manager.
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
            ? ["no watcher: the inbox is looked at every \(configuration.interval) only"] : []
        let now = DaemonHealth(
            process: ProcessInfo.processInfo.processIdentifier,
            degraded: watcher + troubles.texts + foreignTroubles.values.sorted())
        guard now != health else { return }
        try spool.state.replace(FilePath.Component(plain: DaemonHealth.file), try json(now), mode: 0o600)
        health = now
    }

    /// Writes what the files of the inbox wait for, if it has changed.
    func showInbox() throws {
        let notes = InboxNotes(pending)
        guard notes != shownInbox else { return }
        try spool.state.replace(InboxNotes.file, try json(notes), mode: 0o600)
        shownInbox = notes
    }

    /// Logs what became of the files of the inbox.
    func report(_ incoming: Inbox.Outcome) {
        for record in incoming.accepted { logger.about(record).info("\(record.job.name): accepted") }
        for name in incoming.rejected { logger.warning("rejected: outbox/rejected/\(name)") }
    }

    /// Logs what the files of the inbox wait for, and remembers it for ``showInbox()``.
    func reportWaiting(_ incoming: Inbox.Outcome) {
        let waiting = incoming.pending.merging(incoming.notes) { pending, _ in pending }
        for (name, why) in waiting where pending[name] != why {
            logger.info("inbox/\(name): \(why)")
        }
        pending = waiting
    }

    /// Names the jobs of the outbox that the store does not know.
    ///
    /// - Returns: nil if it knows all of them.
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
                // A folder that the daemon may not read is none that a daemon has made.
                return false
            }
            return try store.job(named: name.string) == nil
        }
        guard !unknown.isEmpty else { return nil }
        let names = unknown.prefix(3).map { "‘\($0.escaped)’" }.joined(separator: ", ")
        return "the outbox has jobs that the store does not know: \(names)"
            + (unknown.count > 3 ? " and \(unknown.count - 3) others" : "")
            + " (an older store?); stop the daemon, then `aurelax recover` takes them in"
    }
}

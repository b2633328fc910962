package import DurableFiles

/// Detects when a file has stopped changing: the watcher reports that its writer closed it, or it
/// has been the same for a while.
///
/// It compares results of `fstat` for equality and uses a monotonic clock; the times of files and
/// the system clock do not matter.
package struct SettleClock {
    /// Time for which a file has to be the same.
    let interval: Duration
    private var seen: [[UInt8]: (status: FileStatus, since: ContinuousClock.Instant)] = [:]
    private var closed: Set<[UInt8]> = []

    package init(interval: Duration) { self.interval = interval }

    /// A writer closed the file, or it was renamed to this name.
    package mutating func noteClosed(_ name: [UInt8]) { closed.insert(name) }

    /// Checks a file now.
    ///
    /// - Returns: how long it has been the same; at least ``interval`` if its writer is known to
    ///   have finished.
    package mutating func quiet(
        _ name: [UInt8], _ status: FileStatus, now: ContinuousClock.Instant
    ) -> Duration {
        let isClosed = closed.remove(name) != nil
        var since = seen[name].flatMap { $0.status == status ? $0.since : nil } ?? now
        if isClosed { since = min(since, now - interval) }
        seen[name] = (status, since)
        return since.duration(to: now)
    }

    /// Forgets files that no longer exist.
    package mutating func keepOnly(_ names: Set<[UInt8]>) {
        seen = seen.filter { names.contains($0.key) }
        closed.formIntersection(names)
    }
}

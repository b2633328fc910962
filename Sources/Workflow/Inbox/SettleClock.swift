package import DurableFiles

/// Tells when a file has stopped changing: by the watcher's word that its writer closed it, or because it
/// has been the same for a while.
///
/// It looks at equality of what `fstat` says and at a clock that only runs forward; what time the files or
/// the machine claim it is does not matter.
package struct SettleClock {
    /// How long a file has to be the same.
    let interval: Duration
    private var seen: [[UInt8]: (status: FileStatus, since: ContinuousClock.Instant)] = [:]
    private var closed: Set<[UInt8]> = []

    package init(interval: Duration) { self.interval = interval }

    /// A writer closed the file, or it was renamed to this name.
    package mutating func noteClosed(_ name: [UInt8]) { closed.insert(name) }

    /// Looks at a file now.
    ///
    /// - Returns: how long it has been the same; at least ``interval`` where its writer is known to be done.
    package mutating func quiet(
        _ name: [UInt8], _ status: FileStatus, now: ContinuousClock.Instant
    ) -> Duration {
        let isClosed = closed.remove(name) != nil
        var since = seen[name].flatMap { $0.status == status ? $0.since : nil } ?? now
        if isClosed { since = min(since, now - interval) }
        seen[name] = (status, since)
        return since.duration(to: now)
    }

    /// Forgets what is not there any more.
    package mutating func keepOnly(_ names: Set<[UInt8]>) {
        seen = seen.filter { names.contains($0.key) }
        closed.formIntersection(names)
    }
}

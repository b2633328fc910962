import DurableFiles

/// Tells when a file has stopped changing: by the watcher's word that its writer closed it, or because it
/// has been the same for a while.
struct SettleClock {
    /// How long a file has to be the same.
    let interval: Duration
    private var seen: [[UInt8]: (status: FileStatus, since: ContinuousClock.Instant)] = [:]
    private var closed: Set<[UInt8]> = []

    init(interval: Duration) { self.interval = interval }

    /// A writer closed the file, or it was renamed to this name.
    mutating func noteClosed(_ name: [UInt8]) { closed.insert(name) }

    /// Looks at a file now.
    ///
    /// - Returns: how long it has been the same; at least ``interval`` where its writer is known to be done.
    mutating func quiet(
        _ name: [UInt8], _ status: FileStatus, now: ContinuousClock.Instant
    ) -> Duration {
        guard let known = seen[name], known.status == status else {
            seen[name] = (status, now)
            // Closed before it was first seen like this: then nobody has written since.
            return closed.remove(name) != nil ? interval : .zero
        }
        if closed.remove(name) != nil { return max(interval, known.since.duration(to: now)) }
        return known.since.duration(to: now)
    }

    /// Forgets what is not there any more.
    mutating func keepOnly(_ names: Set<[UInt8]>) {
        seen = seen.filter { names.contains($0.key) }
        closed.formIntersection(names)
    }
}

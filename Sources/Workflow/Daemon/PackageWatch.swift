internal import DurableFiles
import Handoff
import SystemPackage

/// The decision on the packages to read: those whose files have changed since the last reading, and those
/// whose last reading failed and is due for a retry.
struct PackageWatch {
    /// The state of a package's files, compared between two polls.
    struct Signs: Equatable {
        fileprivate(set) var statuses: [FileStatus?]
        fileprivate let stage: Int
        fileprivate let attempt: Int
        /// Bytes of the trajectory.
        fileprivate(set) var size = 0
    }

    private struct Look {
        var signs: Signs?
        /// Number of consecutive failed readings.
        var failures = 0
        var next: ContinuousClock.Instant?
    }

    /// Unit of the pauses between retries: the pause after the nth failure is 2ⁿ times as long, at most
    /// `longestPause`.
    let interval: Duration
    private var looks: [Int64: Look] = [:]

    /// Number of failed readings after which a package is read again only if its files change.
    static let maximumFailures = 12
    private static let longestPause: Duration = .seconds(600)

    init(interval: Duration) { self.interval = interval }

    /// Returns true if the package has to be read now.
    func isDue(_ id: Int64, _ signs: Signs?) -> Bool {
        guard let look = looks[id], let signs, look.signs == signs else { return true }
        return look.next.map { $0 <= .now } ?? false
    }

    /// Records a reading that found no result.
    ///
    /// - Returns: true if the previous reading failed.
    @discardableResult
    mutating func noteNothing(_ id: Int64, _ signs: Signs?) -> Bool {
        defer { looks[id] = Look(signs: signs) }
        return looks[id].map { $0.failures > 0 } ?? false
    }

    /// Records a failed reading. It is retried later; while the files do not change, at most until
    /// ``maximumFailures`` readings have failed.
    mutating func noteFailure(_ id: Int64, _ signs: Signs?) {
        var look = looks[id] ?? Look()
        look.failures = look.signs == signs ? look.failures + 1 : 1
        look.signs = signs
        let pause = min(interval * (1 << min(look.failures, 20)), Self.longestPause)
        look.next = look.failures < Self.maximumFailures ? .now + pause : nil
        looks[id] = look
    }

    mutating func keepOnly(_ ids: Set<Int64>) { looks = looks.filter { ids.contains($0.key) } }
}

extension PackageWatch.Signs {
    /// Reads the signs of a job's current stage.
    ///
    /// - Parameter outbox: the outbox of the spool.
    /// - Returns: nil if there is no such folder or it cannot be read; the full reading then gives the reason.
    init?(of record: JobRecord, in outbox: Directory) {
        let place = StageFolder(current: record)
        (stage, attempt) = (record.machine.stage, record.machine.attempt)
        do {
            let folder = try outbox.subdirectory(place.job.component).subdirectory(place.name)
            var statuses = try [PackageLayout.manifest, StageTask.file].map { try folder.status(of: $0) }
            let inside: Directory
            if record.planned.kind.isOutside {
                let result = try folder.status(of: PackageLayout.result)
                guard result?.kind == .directory else {
                    self.statuses = statuses + [result]
                    return
                }
                inside = try folder.subdirectory(PackageLayout.result)
            } else {
                inside = folder
            }
            let names: [FilePath.Component] = [PackageLayout.marker, "progress.json", "optimizer.log"]
            statuses += try names.map { try inside.status(of: $0) }
            self.statuses = statuses
            if statuses[2] != nil { size = try inside.status(of: "trajectory.extxyz")?.size ?? 0 }
        } catch {
            return nil
        }
    }
}

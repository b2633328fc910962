package import DurableFiles
internal import JobSpec
import SystemPackage
import YAMLDocument

/// One scan of the inbox in progress.
struct InboxScan {
    /// A job file that has been read.
    struct Candidate {
        let name: FilePath.Component
        let claim: Claim
        let bytes: [UInt8]
        let file: JobFile
        let job: Job
        let quiet: Duration

        /// The file that the job names as its structure; nil if the structure is in the job file.
        var structureFile: String? { if case .file(let name) = job.structure { name } else { nil } }
    }

    struct Structure {
        let digest: Digest
        let size: Int
        /// The structure's name in messages.
        let label: String
        let quiet: Duration
        /// The structure's file if another job may need it, too; nil otherwise.
        let shared: Original?
        /// Whether other users may not read the original file.
        var isPrivate = false
    }

    let directory: Directory
    let now: ContinuousClock.Instant
    var outcome = Inbox.Outcome()
    /// Jobs that have not been processed yet.
    var jobs: [Candidate] = []
    var requests: [(name: FilePath.Component, request: JobRequest, job: String)] = []
    /// Files whose names are those of results; a job may name one as its structure.
    var results: [(name: FilePath.Component, job: String, quiet: Duration)] = []
    /// Files of the kind `InboxName.other` that have stopped changing.
    var others: [FilePath.Component] = []
    /// Names of all files of the inbox.
    var names: [String] = [] { didSet { namesByStem = nil } }
    private var namesByStem: [String: [String]]?
    /// Structures named by job files that cannot be accepted yet.
    private var wanted: Set<String> = []
    /// Whether some job file cannot be read yet; such a file may name any structure.
    private var isAnyWanted = false
    /// Whether the time for this scan ended before every file was looked at.
    private(set) var isCut = false

    init(directory: Directory, now: ContinuousClock.Instant) {
        self.directory = directory
        self.now = now
    }

    /// Notes that the structure file of this job must stay in the inbox, because only a later scan can accept the job.
    /// If the job file cannot be read yet (nil), all structure files must stay.
    mutating func keepStructures(of job: Job?) {
        guard let job else {
            isAnyWanted = true
            return
        }
        if case .file(let name) = job.structure { wanted.insert(name) }
    }

    /// Ends the scan because its time is over; the jobs that were not read may name any structure.
    mutating func cut(before name: FilePath.Component) {
        outcome.pending[name.escaped] = "not read yet, because many files are waiting"
        outcome.undecided = true
        isAnyWanted = true
        isCut = true
    }

    /// Returns true for a structure that a waiting job names.
    func isNamed(_ structure: String) -> Bool { wanted.contains(structure) }

    func isWanted(_ structure: String) -> Bool {
        isAnyWanted || wanted.contains(structure) || jobs.contains { $0.job.structure == .file(structure) }
    }

    /// Finds a file whose name is nearly `wanted`, in time that does not grow with the inbox.
    mutating func near(_ wanted: String, butNot own: String) -> String? {
        let index = namesByStem ?? Dictionary(grouping: names) { InboxName.stem($0) }
        namesByStem = index
        return InboxName.near(wanted, among: (index[InboxName.stem(wanted)] ?? []).filter { $0 != own })
    }

    mutating func wait(_ candidate: Candidate, _ why: String, undecided: Bool = true) {
        outcome.pending[candidate.name.escaped] = why
        outcome.undecided = outcome.undecided || undecided
        keepStructures(of: candidate.job)
    }
}

/// A clock that shows when a file has stopped changing: the watcher reports that its writer closed it, or the
/// file has been the same for some time.
///
/// The clock compares results of `fstat` for equality and uses a monotonic clock; the times of files and the
/// system clock do not matter.
package struct SettleClock {
    /// Time for which a file has to stay the same.
    let interval: Duration
    private var seen: [[UInt8]: (status: FileStatus, since: ContinuousClock.Instant)] = [:]
    private var closed: Set<[UInt8]> = []

    package init(interval: Duration) { self.interval = interval }

    /// Notes that a writer closed the file, or that it was renamed to this name.
    package mutating func noteClosed(_ name: [UInt8]) { closed.insert(name) }

    /// Checks a file now.
    ///
    /// - Returns: how long the file has been the same; at least ``interval`` if its writer is known to have
    ///   finished.
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

/// The reasons why files of the inbox wait or cannot be used: `.aurelax/inbox.json`, for commands
/// that show them.
struct InboxNotes: Codable, Equatable {
    static let file = FilePath.Component(plain: "inbox.json")
    /// Largest number of listed files.
    private static let most = 1000

    var files: [String: String]

    init(_ files: [String: String]) {
        let named = files.sorted { $0.key < $1.key }.prefix(Self.most)
        self.files = Dictionary(uniqueKeysWithValues: named.map { ($0.key, String($0.value.prefix(500))) })
    }
}

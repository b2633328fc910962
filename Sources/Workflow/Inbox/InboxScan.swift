internal import DurableFiles
internal import JobSpec
import SystemPackage
import YAMLDocument

/// One look at the inbox, while it lasts.
struct InboxScan {
    /// A job file that was read.
    struct Candidate {
        let name: FilePath.Component
        let claim: Claim
        let bytes: [UInt8]
        let file: JobFile
        let job: Job
        let quiet: Duration

        /// The file that the job names for its structure; nil if the structure is in the job file.
        var structureFile: String? { if case .file(let name) = job.structure { name } else { nil } }
    }

    struct Structure {
        let digest: Digest
        let bytes: [UInt8]
        /// What messages call it.
        let label: String
        let quiet: Duration
        /// Where another job may want the file too.
        let shared: Original?
        /// Others may not read the file that it came from.
        var isPrivate = false
    }

    let directory: Directory
    let now: ContinuousClock.Instant
    var outcome = Inbox.Outcome()
    /// Jobs to accept, those that were not looked at yet.
    var jobs: [Candidate] = []
    var requests: [(name: FilePath.Component, request: JobRequest, job: String)] = []
    /// Results by their names, which a job may name as its structure all the same.
    var results: [(name: FilePath.Component, job: String, quiet: Duration)] = []
    /// Files without a meaning of their own that have stopped changing.
    var others: [FilePath.Component] = []
    /// All files of the inbox.
    var names: [String] = []
    /// Structures that job files name which cannot be accepted yet.
    private var wanted: Set<String> = []
    /// Some job file cannot be read yet, so it may name any structure.
    private var isAnyWanted = false

    init(directory: Directory, now: ContinuousClock.Instant) {
        self.directory = directory
        self.now = now
    }

    /// A job that comes later needs what it names; one that cannot be read may need anything.
    mutating func keepStructures(of job: Job?) {
        guard let job else {
            isAnyWanted = true
            return
        }
        if case .file(let name) = job.structure { wanted.insert(name) }
    }

    /// The time for this look is over: what was not looked at may name any structure.
    mutating func isCut(before name: FilePath.Component) {
        outcome.pending[name.escaped] = "its turn comes"
        outcome.undecided = true
        isAnyWanted = true
    }

    /// True for a structure that a job names which cannot be accepted yet.
    func isNamed(_ structure: String) -> Bool { wanted.contains(structure) }

    func isWanted(_ structure: String) -> Bool {
        isAnyWanted || wanted.contains(structure) || jobs.contains { $0.job.structure == .file(structure) }
    }

    mutating func wait(_ candidate: Candidate, _ why: String, undecided: Bool = true) {
        outcome.pending[candidate.name.escaped] = why
        outcome.undecided = outcome.undecided || undecided
        keepStructures(of: candidate.job)
    }
}

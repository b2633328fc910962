internal import Atomistics
internal import DurableFiles
internal import ForeignStructures
import Glibc
internal import JobSpec
import SystemPackage
import YAMLDocument

/// The inbox of jobs: it is scanned, its complete files are claimed, and jobs are accepted or set aside.
///
/// A job is accepted once it is in the store; only then does its file leave the inbox. After an interruption
/// the file is still there, and the same job is recognised.
struct Inbox {
    struct Limits: Sendable {
        var jobBytes = 16 << 20
        var structureBytes = 64 << 20
        var resultBytes = 64 << 20
        /// A structure of more bytes is read on a thread of its own.
        var inlineBytes = 256 << 10
        /// Time for which an unreadable file may still be incomplete.
        var patience: Duration = .seconds(10)
        /// A scan takes at most about twice this time, so that a burst of files delays nothing
        /// else.
        var time: Duration = .seconds(1)
    }

    /// The outcome of a scan.
    struct Outcome {
        var accepted: [JobRecord] = []
        /// Names of the folders in `outbox/rejected` of the files that were set aside.
        var rejected: [String] = []
        /// Results that a user dropped into the inbox.
        var results: [DroppedFile] = []
        /// Files that stay, with the reason for waiting.
        var pending: [String: String] = [:]
        /// Files that cannot be used under their names, with the reason.
        var notes: [String: String] = [:]
        /// Whether a scan soon may accept or reject some of the files that stay.
        var undecided = false
    }

    /// A result that a user dropped into the inbox.
    struct DroppedFile: Sendable {
        let job: String
        let name: FilePath.Component
        let claim: Claim

        var original: Original { Original(name: name.bytes, status: claim.source) }
    }

    let spool: OpenSpool
    let store: Store
    let limits: Limits
    /// Upper limits for a job's request of cluster resources; nil if there are none.
    var resources: Resources?
    /// Reads structures that take time: large ones, and those in other formats than XYZ and extxyz.
    var readings: StructureReadings
    /// Names of the dropped results that are being read.
    var resultsInHand: Set<[UInt8]> = []
    /// The engines that a stage may name.
    private let engines: SpoolEngines
    var clock: SettleClock
    /// Entries that cannot leave the inbox (a directory, another user's file), with their status when they
    /// were last reported.
    var leftAlone: [[UInt8]: FileStatus] = [:]
    /// Structures that were claimed for one job and may be needed by another.
    var spent: [String: Original] = [:]
    /// The names in the inbox and their meaning.
    var named: [[UInt8]: NamedFile] = [:]
    private var hasOthers = false
    /// Snapshots of files that have not changed since.
    private var claims: [[UInt8]: Claim] = [:]
    /// Name of the file that was looked at last; the next scan begins after it.
    private var lastLookedAt: [UInt8]?

    init(
        _ spool: OpenSpool, _ store: Store, settle: Duration, limits: Limits = Limits(),
        resources: Resources? = nil, engines: SpoolEngines
    ) {
        self.spool = spool
        self.store = store
        self.limits = limits
        self.resources = resources
        self.engines = engines
        readings = StructureReadings(spool.blobs, StructureConverter(python: "python3")) {}
        clock = SettleClock(interval: settle)
    }

    /// Scans the inbox once.
    ///
    /// - Throws: errors of the disk or the store; the files concerned stay where they are.
    mutating func scan() throws -> Outcome {
        var scan = InboxScan(directory: try spool.openInbox(), now: .now)
        try removeOriginals(from: scan.directory)
        let names = try scan.directory.names()
        let before = named
        named = Dictionary(
            names.map { name in
                let bytes = name.bytes
                return (bytes, before[bytes] ?? NamedFile(name.escaped))
            }, uniquingKeysWith: { first, _ in first })
        scan.names = named.values.map(\.escaped)
        hasOthers = named.values.contains { file in
            switch file.kind {
            case .other, .result: true
            default: false
            }
        }
        if named.count != before.count || before.keys.contains(where: { named[$0] == nil }) {
            clock.keepOnly(Set(named.keys))
            leftAlone = leftAlone.filter { named[$0.key] != nil }
            claims = claims.filter { named[$0.key] != nil }
        }
        // The time for listing the names is not counted, because otherwise a scan of very many names would
        // read no file.
        let begin = ContinuousClock.now
        for name in inTurn(names) {
            if begin.duration(to: .now) > limits.time {
                scan.cut(before: name)
                break
            }
            lastLookedAt = name.bytes
            do {
                try look(at: name, &scan)
            } catch let refusal as ClaimRefusal {
                guard refusal.isFinal else { continue }
                try setAside(name, bytes: nil, text: "\(name.escaped): \(refusal)\n", [], &scan)
            } catch let error as FileError where Self.concernsOneFile(error) {
                scan.outcome.pending[name.escaped] = error.description
            }
        }
        let structures = Set(scan.jobs.compactMap(\.structureFile))
        while !scan.jobs.isEmpty { try accept(scan.jobs.removeFirst(), &scan) }
        if !scan.isCut { readings.keepOnlyAsked() }
        try takeResults(&scan, structures: structures)
        noteOddNames(&scan, structures: structures)
        try removeSpent(scan)
        for (name, request, job) in scan.requests {
            do {
                try perform(request, job, name, &scan)
            } catch let error as FileError where Self.concernsOneFile(error) {
                scan.outcome.pending[name.escaped] = error.description
            }
        }
        return scan.outcome
    }

    /// If the inbox has more files than this, files of unknown kinds are ignored.
    private static let crowd = 1000

    /// Returns true if the error concerns only one file, so that the other files of the inbox can still be read.
    static func concernsOneFile(_ error: FileError) -> Bool {
        !error.isFatal && (!error.isTransient || error.code == .ioError)
    }

    /// Returns the names beginning after the last file of the previous scan, so that interrupted scans reach
    /// every file.
    private func inTurn(_ names: [FilePath.Component]) -> [FilePath.Component] {
        guard let lastLookedAt,
            let next = names.firstIndex(where: { lastLookedAt.lexicographicallyPrecedes($0.bytes) })
        else { return names }
        return Array(names[next...] + names[..<next])
    }

    private mutating func look(at name: FilePath.Component, _ scan: inout InboxScan) throws {
        let file = named[name.bytes] ?? NamedFile(name.escaped)
        let kind = file.kind
        // Among thousands of files, a file without a meaning of its own is looked at only if a job names it.
        if kind == .other, file.note == nil, named.count > Self.crowd { return }
        guard kind != .ignored, let status = try scan.directory.status(of: name),
            leftAlone[name.bytes] != status
        else { return }
        let quiet = clock.quiet(name.bytes, status, now: scan.now)
        guard kind != .other else {
            if quiet >= clock.interval { scan.others.append(name) }
            return
        }
        guard quiet >= clock.interval else {
            scan.outcome.pending[name.escaped] = "still being written"
            scan.outcome.undecided = true
            // The structure that the job names must be kept only if accepting another job could remove it.
            if kind == .job, hasStructures { scan.keepStructures(of: try peek(name, scan)) }
            return
        }
        switch kind {
        case .job:
            if let job = try candidate(name, quiet: quiet, &scan) { scan.jobs.append(job) }
        case .result(let job):
            scan.results.append((name, job, quiet))
        case .conflictCopy:
            try setAside(
                name, bytes: scan.directory.read(name, limit: limits.jobBytes),
                text:
                    "\(name.escaped): a file synchroniser kept this version beside another one of the same file; "
                    + "drop the version that you want under another name\n",
                [
                    Diagnostic(
                        code: "conflict-copy", at: nil, message: "a conflict copy of a file synchroniser")
                ],
                &scan)
        case .request(let request, let job):
            try ClaimRefusal.check(status, limit: limits.jobBytes)
            scan.requests.append((name, request, job))
        case .ignored, .other: break
        }
    }

    /// Returns a snapshot of a file; takes a new one only if the file has changed since the last snapshot.
    mutating func claim(_ name: FilePath.Component, in directory: Directory, limit: Int) throws -> Claim {
        let bytes = name.bytes
        if let earlier = claims[bytes], try directory.status(of: name) == earlier.source { return earlier }
        let claim = try spool.blobs.claim(name, in: directory, limit: limit)
        claims[bytes] = claim
        return claim
    }

    /// Whether the inbox may contain structures.
    private var hasStructures: Bool { !spent.isEmpty || hasOthers }

    // MARK: Jobs

    /// Returns the job as far as its file has been written; nil if the file cannot be read yet.
    private func peek(_ name: FilePath.Component, _ scan: InboxScan) throws -> Job? {
        guard let bytes = try? scan.directory.read(name, limit: limits.jobBytes) else { return nil }
        return JobFile(bytes, file: name.escaped).job
    }

    private mutating func candidate(
        _ name: FilePath.Component, quiet: Duration, _ scan: inout InboxScan
    ) throws -> InboxScan.Candidate? {
        let claim = try claim(name, in: scan.directory, limit: limits.jobBytes)
        let bytes = try spool.blobs.read(claim.digest) ?? []
        let file = JobFile(bytes, file: name.escaped)
        if let job = file.job {
            return InboxScan.Candidate(
                name: name, claim: claim, bytes: bytes, file: file, job: job, quiet: quiet)
        }
        guard quiet >= limits.patience else {
            scan.outcome.pending[name.escaped] = "cannot be read yet"
            scan.outcome.undecided = true
            scan.keepStructures(of: nil)
            return nil
        }
        try setAside(name, bytes: bytes, text: file.report, file.diagnostics, &scan)
        return nil
    }

    private mutating func accept(_ candidate: InboxScan.Candidate, _ scan: inout InboxScan) throws {
        let job = candidate.job
        var originals = [Original(name: candidate.name.bytes, status: candidate.claim.source)]
        guard let structure = try structure(of: candidate, &originals, &scan),
            let reading = try reading(structure, of: candidate, &scan)
        else { return }
        var problems = reading.problems
        if let resources { problems += candidate.file.problems(beyond: resources) }
        problems += candidate.file.problems(withoutEngines: engines.names, models: engines.models)
        if problems.hasErrors {
            return try setAside(
                candidate.name, bytes: candidate.bytes, text: candidate.file.report(problems), problems, &scan
            )
        }
        if try store.job(named: job.name) == nil, let stranger = try stranger(in: job) {
            return try setAside(candidate, stranger, &scan)
        }
        if let cycle = try cycle(through: job) {
            let path = cycle.map { "‘\($0)’" }.joined(separator: " after ")
            return try setAside(candidate, "the job would wait for itself: \(path)", &scan)
        }
        if structure.isPrivate || !candidate.claim.source.othersMayRead {
            // If other users may not read the job file or the structure, they may not read the job's folder in
            // the outbox.
            let folder = try spool.outbox.makeSubdirectory(JobName(of: job).component, mode: 0o700)
            let owner = candidate.claim.source.owner
            // Another user's job: its owner may read the results, if this process can grant that.
            if owner != geteuid() { try? folder.grantReading(to: owner) }
        }
        let result = try store.accept(
            Acceptance(
                job: job, file: candidate.claim.digest, structure: reading.digest, originals: originals))
        switch result {
        case .accepted(let record):
            for warning in candidate.file.diagnostics + problems {
                try store.note("warning: \(warning.message)", of: record.id)
            }
            if let reader = reading.reader {
                try store.note("the structure \(structure.label) was read by \(reader)", of: record.id)
            }
            scan.outcome.accepted.append(record)
            if let original = structure.shared { spent[structure.label] = original }
            try removeOriginals(from: scan.directory)
        case .duplicate(let record):
            try store.note("the same job was dropped again; it is not run twice", of: record.id)
            try setAside(
                candidate,
                "the same job with the same structure exists already as ‘\(record.job.name)’ "
                    + "(\(record.machine.state.rawValue)); to run it again, give it another name", &scan)
        case .nameTaken(let record):
            try setAside(
                candidate,
                "the name ‘\(job.name)’ is taken by a job accepted before (\(record.machine.state.rawValue)); "
                    + "choose another name", &scan)
        }
    }

    /// Returns the job's structure, stored: the text in the job file, or a snapshot of the file that the job
    /// names. Nil if the job has to wait or was set aside.
    private mutating func structure(
        of candidate: InboxScan.Candidate, _ originals: inout [Original], _ scan: inout InboxScan
    ) throws -> InboxScan.Structure? {
        let file: String
        switch candidate.job.structure {
        case .inline(let text):
            let bytes = Array(text.utf8)
            return InboxScan.Structure(
                digest: try spool.blobs.insert(bytes), size: bytes.count,
                label: "\(candidate.job.name): structure",
                quiet: candidate.quiet, shared: nil)
        case .file(let name): file = name
        }
        guard let name = FilePath.Component(bytes: Array(file.utf8)),
            let status = try scan.directory.status(of: name)
        else {
            var why = "waiting for \(file)"
            if let near = scan.near(file, butNot: candidate.name.escaped) {
                let isTwin = InboxName.folded(near) == InboxName.folded(file)
                why +=
                    isTwin
                    ? "; \(near) differs in case or accents"
                    : "; did you mean \(near)?"
            }
            scan.wait(candidate, why, undecided: candidate.quiet < limits.patience)
            return nil
        }
        let quiet = clock.quiet(name.bytes, status, now: scan.now)
        guard quiet >= clock.interval || status.kind != .regular else {
            scan.wait(candidate, "\(file) is still being written")
            return nil
        }
        do {
            let claim = try claim(name, in: scan.directory, limit: limits.structureBytes)
            // A structure that another job needs stays until that job has it too.
            let original = Original(name: name.bytes, status: claim.source)
            let isShared = scan.isWanted(file)
            if !isShared { originals.append(original) }
            return InboxScan.Structure(
                digest: claim.digest, size: claim.size, label: file,
                quiet: quiet, shared: isShared ? original : nil, isPrivate: !claim.source.othersMayRead)
        } catch let refusal as ClaimRefusal {
            if refusal.isFinal {
                try setAside(candidate, "structure \(name.escaped): \(refusal)", &scan)
            } else {
                scan.wait(candidate, "\(file): \(refusal)")
            }
        } catch let error as FileError where Self.concernsOneFile(error) {
            scan.wait(candidate, error.description, undecided: false)
        }
        return nil
    }

    /// Returns the structure that was read; nil if the job has to wait or was set aside.
    private mutating func reading(
        _ structure: InboxScan.Structure, of candidate: InboxScan.Candidate, _ scan: inout InboxScan
    ) throws -> StructureReadings.Reading? {
        let request = StructureReadings.Request(
            structure: structure.digest, label: structure.label, job: candidate.claim.digest,
            file: candidate.file)
        do {
            if structure.size <= limits.inlineBytes, !request.isForeign { return try readings.read(request) }
            guard let reading = try readings.reading(request) else {
                scan.wait(candidate, "its structure is being read")
                return nil
            }
            return reading
        } catch let error as StructureReadings.Refusal {
            // The structure's file may be incomplete although the job file is complete.
            if min(candidate.quiet, structure.quiet) < limits.patience {
                scan.wait(candidate, "the structure cannot be read yet")
            } else {
                try setAside(candidate, error.description, &scan)
            }
            return nil
        }
    }

    /// Finds a cycle of jobs that would wait for each other.
    ///
    /// - Returns: the job, the job that it waits for, and so on, back to the job; nil if there is no cycle.
    private func cycle(through job: Job) throws -> [String]? {
        guard !job.after.isEmpty else { return nil }
        let waiting = try store.waiting(for: job.name)
        guard var name = job.after.first(where: { waiting[$0] != nil }) else { return nil }
        var path = [job.name, name]
        while name != job.name, path.count <= waiting.count + 1 {
            guard let next = waiting.first(where: { $0.value.contains(name) })?.key else { break }
            name = next
            path.append(name)
        }
        return path
    }

    /// Returns the reason why the job's folder in the outbox cannot be used; nil if the folder is free, or
    /// belongs to this job from a store that no longer exists.
    private func stranger(in job: Job) throws -> String? {
        let name = FilePath.Component(plain: job.name)
        guard let status = try spool.outbox.status(of: name) else { return nil }
        let why =
            "outbox/\(job.name) exists and is not this job's folder; nothing in it was changed: move it "
            + "away, or give the job another name"
        guard status.kind == .directory else { return why }
        let folder = try spool.outbox.subdirectory(name)
        guard let there = try folder.read("job.yaml") else { return try folder.names().isEmpty ? nil : why }
        return there == Array(job.yaml.utf8) ? nil : why
    }

    // MARK: Requests

    private mutating func perform(
        _ request: JobRequest, _ job: String, _ name: FilePath.Component, _ scan: inout InboxScan
    ) throws {
        guard let record = try store.job(named: job) else {
            guard !scan.outcome.pending.keys.contains(where: { $0 == "\(job).yaml" || $0 == "\(job).yml" })
            else {
                scan.outcome.pending[name.escaped] = "waiting for the job"
                return
            }
            return try setAside(
                name, bytes: scan.directory.read(name, limit: limits.jobBytes),
                text: "\(name.escaped): there is no job ‘\(job)’\n", [], &scan)
        }
        guard let status = try scan.directory.status(of: name) else { return }
        if try store.apply(request.event, to: record.id) == nil {
            try store.note(
                "‘\(request.rawValue)’ is not possible for a job that is \(record.machine.state.rawValue)",
                of: record.id)
        }
        // A request whose file cannot be removed takes effect once, because the file's status is remembered
        // and the file is then left alone.
        try store.remember(Original(name: name.bytes, status: status))
        try removeOriginals(from: scan.directory)
        if leftAlone[name.bytes] != nil {
            try store.note(
                "\(name.escaped) cannot be removed from the inbox; it was carried out once and is ignored now",
                of: record.id)
        }
    }
}

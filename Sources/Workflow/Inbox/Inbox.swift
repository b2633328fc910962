import Atomistics
import DurableFiles
import JobSpec
import SystemPackage
import YAMLDocument

/// Takes jobs in: looks at the inbox, claims what is complete, accepts or rejects it.
///
/// A job is accepted once the store has it; only then does its file leave the inbox. Whatever happens in
/// between, the file is still there and the same job is recognised.
struct Inbox {
    struct Limits: Sendable {
        var jobBytes = 16 << 20
        var structureBytes = 1 << 30
        /// A job that cannot be read may still be half written for this long.
        var patience: Duration = .seconds(10)
    }

    /// What a look at the inbox led to.
    struct Outcome {
        var accepted: [JobRecord] = []
        var rejected: [String] = []
        /// Results that were brought back: job and the bytes.
        var results: [(job: String, bytes: [UInt8])] = []
        /// Files that may become jobs by themselves, with what they wait for.
        var pending: [String: String] = [:]
        /// Of these, the ones that a little patience will decide.
        var undecided = false
    }

    private let spool: OpenSpool
    private let store: Store
    private let limits: Limits
    var clock: SettleClock

    init(_ spool: OpenSpool, _ store: Store, settle: Duration, limits: Limits = Limits()) {
        self.spool = spool
        self.store = store
        self.limits = limits
        clock = SettleClock(interval: settle)
    }

    /// - Throws: what the disk or the store refuses; the files concerned are where they were.
    mutating func scan() throws -> Outcome {
        let inbox = try spool.openInbox()
        try removeOriginals(from: inbox)
        var outcome = Outcome()
        let now = ContinuousClock.now
        let names = try inbox.names()
        clock.keepOnly(Set(names.map(\.bytes)))
        var jobs: [Candidate] = []
        for name in names {
            let kind = InboxName(name.escaped)
            guard kind != .ignored, kind != .other, let status = try inbox.status(of: name) else { continue }
            let quiet = clock.quiet(name.bytes, status, now: now)
            guard quiet >= clock.interval else {
                outcome.pending[name.escaped] = "still being written"
                outcome.undecided = true
                continue
            }
            do {
                switch kind {
                case .job:
                    if let job = try candidate(name, in: inbox, quiet: quiet, &outcome) { jobs.append(job) }
                case .result(let job): try take(name, in: inbox, &outcome) { ($0.results.append((job, $1))) }
                case .request(let request, let job):
                    try perform(request, job)
                    try inbox.remove(name)
                case .ignored, .other: break
                }
            } catch let refusal as ClaimRefusal {
                guard refusal.isFinal else { continue }
                try reject(name, in: inbox, bytes: nil, text: "\(name.escaped): \(refusal)\n", [], &outcome)
            }
        }
        for (index, job) in jobs.enumerated() {
            try accept(job, before: jobs[(index + 1)...], in: inbox, &outcome)
        }
        return outcome
    }

    // MARK: Jobs

    private struct Candidate {
        let name: FilePath.Component
        let claim: Claim
        let bytes: [UInt8]
        let file: JobFile
        let job: Job
        let quiet: Duration
    }

    private func candidate(
        _ name: FilePath.Component, in inbox: Directory, quiet: Duration, _ outcome: inout Outcome
    ) throws -> Candidate? {
        let claim = try spool.blobs.claim(name, in: inbox, limit: limits.jobBytes)
        let bytes = try spool.blobs.read(claim.digest) ?? []
        let file = JobFile(bytes, file: name.escaped)
        if let job = file.job {
            return Candidate(name: name, claim: claim, bytes: bytes, file: file, job: job, quiet: quiet)
        }
        guard quiet >= limits.patience else {
            outcome.pending[name.escaped] = "cannot be read yet"
            outcome.undecided = true
            return nil
        }
        try reject(name, in: inbox, bytes: bytes, text: file.report, file.diagnostics, &outcome)
        return nil
    }

    private func accept(
        _ candidate: Candidate, before others: ArraySlice<Candidate>, in inbox: Directory,
        _ outcome: inout Outcome
    ) throws {
        let job = candidate.job
        var originals = [Original(name: candidate.name.bytes, status: candidate.claim.source)]
        let structure: Digest
        switch job.structure {
        case .inline(let text): structure = try spool.blobs.insert(Array(text.utf8))
        case .file(let file):
            guard let name = FilePath.Component(bytes: Array(file.utf8)),
                try inbox.status(of: name) != nil
            else {
                outcome.pending[candidate.name.escaped] = "waiting for \(file)"
                outcome.undecided = outcome.undecided || candidate.quiet < limits.patience
                return
            }
            do {
                let claim = try spool.blobs.claim(name, in: inbox, limit: limits.structureBytes)
                structure = claim.digest
                // A structure that another job waits for stays until that one has it too.
                if !others.contains(where: { $0.job.structure == job.structure }) {
                    originals.append(Original(name: name.bytes, status: claim.source))
                }
            } catch let refusal as ClaimRefusal {
                guard refusal.isFinal else {
                    outcome.undecided = true
                    return
                }
                return try reject(
                    candidate, "structure \(name.escaped): \(refusal)", in: inbox, &outcome)
            }
        }
        let bytes = try spool.blobs.read(structure) ?? []
        let label: String
        if case .file(let name) = job.structure { label = name } else { label = "\(job.name): structure" }
        let atoms: Atoms
        do throws(ExtXYZError) {
            guard let last = try ExtXYZ.frames(in: bytes, label: label).last else {
                throw ExtXYZError(file: label, message: "the file holds no structure")
            }
            atoms = last
        } catch {
            // A structure may be half written where the job is not.
            guard candidate.quiet >= limits.patience else {
                outcome.pending[candidate.name.escaped] = "the structure cannot be read yet"
                outcome.undecided = true
                return
            }
            return try reject(candidate, error.description, in: inbox, &outcome)
        }
        let problems = candidate.file.problems(with: atoms)
        if problems.hasErrors {
            return try reject(
                candidate.name, in: inbox, bytes: candidate.bytes, text: candidate.file.report(problems),
                problems, &outcome)
        }
        let result = try store.accept(
            Acceptance(job: job, file: candidate.claim.digest, structure: structure, originals: originals))
        switch result {
        case .accepted(let record):
            for warning in candidate.file.diagnostics + problems {
                try store.note("warning: \(warning.message)", of: record.id)
            }
            outcome.accepted.append(record)
            try removeOriginals(from: inbox)
        case .duplicate(let record):
            try store.note("the same job was dropped again; it is not run twice", of: record.id)
            try reject(
                candidate,
                "the same job with the same structure is here already as ‘\(record.job.name)’ "
                    + "(\(record.machine.state.rawValue)); to run it again, give it another name",
                in: inbox, &outcome)
        case .nameTaken(let record):
            try reject(
                candidate,
                "the name ‘\(job.name)’ is taken by a job accepted before (\(record.machine.state.rawValue)); "
                    + "choose another name", in: inbox, &outcome)
        }
    }

    // MARK: Rejected

    private func reject(
        _ candidate: Candidate, _ reason: String, in inbox: Directory, _ outcome: inout Outcome
    ) throws {
        try reject(
            candidate.name, in: inbox, bytes: candidate.bytes, text: reason + "\n",
            [Diagnostic(code: "rejected", at: nil, message: reason)], &outcome)
    }

    /// Sets a file aside with everything that speaks against it.
    private func reject(
        _ name: FilePath.Component, in inbox: Directory, bytes: [UInt8]?, text: String,
        _ diagnostics: [Diagnostic], _ outcome: inout Outcome
    ) throws {
        var files = [
            PublishedFile(name: "diagnostics.txt", bytes: Array(text.utf8)),
            PublishedFile(name: "diagnostics.json", bytes: try json(diagnostics)),
        ]
        if let bytes { files.insert(PublishedFile(name: name, bytes: bytes), at: 0) }
        let stem = String(
            name.escaped.prefix { $0 != "." }.filter {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
            }.prefix(64))
        for number in 1... {
            let folder = (stem.isEmpty ? "file" : stem) + (number > 1 ? ".\(number)" : "")
            let publication = try spool.rejected.publish(
                files, as: FilePath.Component(plain: folder), staging: spool.staging)
            if case .conflict = publication { continue }
            outcome.rejected.append(folder)
            break
        }
        // A directory stays where it is: nothing in it is ours to remove.
        let kind = try inbox.status(of: name)?.kind
        if bytes != nil || kind != .directory { try inbox.remove(name) }
    }

    // MARK: Results and requests

    private func take(
        _ name: FilePath.Component, in inbox: Directory, _ outcome: inout Outcome,
        _ body: (inout Outcome, [UInt8]) -> Void
    ) throws {
        let claim = try spool.blobs.claim(name, in: inbox, limit: limits.structureBytes)
        body(&outcome, try spool.blobs.read(claim.digest) ?? [])
    }

    private func perform(_ request: JobRequest, _ name: String) throws {
        guard let job = try store.job(named: name) else { return }
        _ = try store.apply(request.event, to: job.id)
    }

    // MARK: Originals

    /// Removes what was claimed, where it is still what was claimed.
    private func removeOriginals(from inbox: Directory) throws {
        for original in try store.originals() {
            if let name = FilePath.Component(bytes: original.name),
                let status = try inbox.status(of: name), original.matches(status)
            {
                try inbox.remove(name)
                try inbox.synchronize()
            }
            try store.forget(original)
        }
    }
}

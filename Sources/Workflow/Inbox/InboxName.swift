internal import DurableFiles
import Foundation
import SystemPackage

/// The purpose of a file in the inbox, determined by its name alone.
enum InboxName: Equatable {
    case job
    /// `<job>.result.extxyz`: a result that a user brings back by hand.
    case result(job: String)
    /// `<job>.cancel` and similar names: a request of a user who has access only to the folder.
    case request(JobRequest, job: String)
    /// A conflict copy of a file synchroniser: `ring.sync-conflict-….yaml`.
    case conflictCopy
    /// A file that is still being written under a temporary name, or that is irrelevant.
    case ignored
    /// Structures, and other files that a job may name.
    case other

    init(_ name: String) {
        let lower = name.lowercased()
        guard !name.hasPrefix("."), !name.hasSuffix("~"), !name.isEmpty,
            ![".part", ".tmp", ".swp", ".filepart", ".crdownload", ".lock"].contains(where: lower.hasSuffix)
        else {
            self = .ignored
            return
        }
        let request = JobRequest.allCases.first { lower.hasSuffix("." + $0.rawValue) }
        let isJob = lower.hasSuffix(".yaml") || lower.hasSuffix(".yml")
        if Self.isConflictCopy(lower),
            isJob || request != nil || lower.hasSuffix(".extxyz") && lower.contains("result")
        {
            self = .conflictCopy
        } else if isJob {
            self = .job
        } else if lower.hasSuffix(".result.extxyz") {
            self = .result(job: String(name.dropLast(".result.extxyz".count)))
        } else if let request {
            self = .request(request, job: String(name.dropLast(request.rawValue.count + 1)))
        } else {
            self = .other
        }
    }

    /// Returns true for the conflict copies of Syncthing, Dropbox, Nextcloud, ownCloud, Seafile, Box, Resilio
    /// and similar programs.
    static func isConflictCopy(_ lower: String) -> Bool {
        [
            ".sync-conflict-", "conflicted copy", "conflict copy", "_conflict-", "(sfconflict", "(conflict",
            "[conflict", ".conflict.", ".conflicted.", "case conflict",
        ].contains(where: lower.contains)
    }

    /// Returns a message about a file whose name resembles that of a job, result or request; nil for other
    /// files.
    static func note(on name: String) -> String? {
        let lower = name.lowercased()
        if isConflictCopy(lower) {
            return "a conflict copy made by a file synchroniser; it is ignored"
        }
        for suffix in [".yaml", ".yml"] {
            guard let range = name.range(of: suffix, options: .caseInsensitive) else { continue }
            let job = name[..<range.upperBound]
            return "not taken for a job: the name of a job file ends in .yaml (rename it to \(job)?)"
        }
        if lower.hasSuffix(".json") {
            return "not taken for a job: the name of a job file ends in .yaml"
        }
        if let range = name.range(of: "result", options: .caseInsensitive),
            [".xyz", ".extxyz", ".traj"].contains(where: name[range.upperBound...].lowercased().contains)
        {
            var job = name[..<range.lowerBound]
            while let last = job.last, ".-_ ".contains(last) { job = job.dropLast() }
            return "not taken for a result: the name of a result is "
                + (job.isEmpty ? "<job>" : "\(job)") + ".result.extxyz"
        }
        let parts = lower.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        for part in parts.dropFirst().suffix(2) {
            guard let request = requests[part] else { continue }
            return "not taken for a request: the name of a request is <job>.\(request.rawValue)"
        }
        return nil
    }

    private static let requests: [String: JobRequest] = [
        "cancel": .cancel, "canceled": .cancel, "cancelled": .cancel, "stop": .cancel, "abort": .cancel,
        "kill": .cancel, "pause": .pause, "paused": .pause, "hold": .pause, "resume": .resume,
        "resumed": .resume, "continue": .resume, "retry": .retry, "restart": .retry, "rerun": .retry,
    ]

    /// Returns a name in lower case and in one Unicode normalisation: names that are equal in this form look
    /// the same to many people and on some file systems.
    static func folded(_ name: String) -> String {
        name.precomposedStringWithCanonicalMapping.lowercased()
    }

    /// Returns a name up to its first dot, folded: names that are easily confused share it.
    static func stem(_ name: String) -> String {
        let folded = folded(name)
        return folded.split(separator: ".").first.map(String.init) ?? folded
    }

    /// Returns a file that may have been meant by `wanted`: its name differs in case, in Unicode
    /// normalisation, or in the extension.
    static func near(_ wanted: String, among names: [String]) -> String? {
        let folded = folded(wanted)
        if let twin = names.first(where: { Self.folded($0) == folded }) { return twin }
        let stem = stem(wanted)
        let endings = [
            ".xyz", ".extxyz", ".xyz.txt", ".extxyz.txt", ".xyz.gz", ".extxyz.gz", ".txt", ".traj", ".cif",
        ]
        return names.first { name in
            let other = Self.folded(name)
            return other.hasPrefix(folded + ".") || endings.contains { stem + $0 == other }
        }
    }
}

/// The meaning of a file's name, computed once while the file exists, because an inbox may contain thousands
/// of files.
struct NamedFile {
    /// The name in messages.
    let escaped: String
    let kind: InboxName
    /// The hint shown if no job names the file; nil if there is none.
    let note: String?

    init(_ escaped: String) {
        self.escaped = escaped
        kind = InboxName(escaped)
        note = kind == .other ? InboxName.note(on: escaped) : nil
    }
}

/// A request for a job.
public enum JobRequest: String, Sendable, CaseIterable {
    case cancel, pause, resume, retry

    var event: JobEvent {
        switch self {
        case .cancel: .cancel
        case .pause: .pause
        case .resume: .resume
        case .retry: .retry
        }
    }
}

/// Files that are not jobs: results to claim, and files whose misspelled names are noted.
extension Inbox {
    /// Claims the results, except those that a job names as its structure.
    ///
    /// - Parameter structures: names of structures in this scan's jobs.
    mutating func takeResults(_ scan: inout InboxScan, structures: Set<String>) throws {
        for (name, job, quiet) in scan.results {
            let file = name.escaped
            guard !structures.contains(file), !scan.isNamed(file), !resultsInHand.contains(name.bytes)
            else { continue }
            let record = try store.job(named: job)
            if let record, record.planned.kind.isOutside, !record.machine.state.isFinal,
                record.machine.state != .waitingForDFT
            {
                let isPaused = record.machine.state == .paused
                scan.outcome.pending[file] =
                    isPaused
                    ? "the job is paused; its result is taken in after `aurelax resume \(job)`"
                    : "its package is being prepared"
                scan.outcome.undecided = scan.outcome.undecided || !isPaused
                continue
            }
            // The job that uses this file as a structure may arrive a little later.
            if record == nil, quiet < limits.patience {
                scan.outcome.pending[file] =
                    "no job ‘\(job)’ waits for a result, and no job names this file as its structure"
                scan.outcome.undecided = true
                continue
            }
            do {
                guard try scan.directory.status(of: name) != nil else { continue }
                let claim = try claim(name, in: scan.directory, limit: limits.resultBytes)
                scan.outcome.results.append(DroppedFile(job: job, name: name, claim: claim))
            } catch let refusal as ClaimRefusal {
                guard refusal.isFinal else { continue }
                try setAside(name, bytes: nil, text: "\(file): \(refusal)\n", [], &scan)
            } catch let error as FileError where Self.concernsOneFile(error) {
                scan.outcome.pending[file] = error.description
            }
        }
    }

    /// Suggests the correct names for files with misspelled names.
    func noteOddNames(_ scan: inout InboxScan, structures: Set<String>) {
        for name in scan.others {
            guard let file = named[name.bytes], let note = file.note, !structures.contains(file.escaped),
                !scan.isNamed(file.escaped)
            else { continue }
            scan.outcome.notes[file.escaped] = note
        }
    }
}

internal import DurableFiles
import SystemPackage

/// Files whose names say less than they seem to.
extension Inbox {
    /// Claims the results, but for those that a job names as its structure.
    ///
    /// - Parameter structures: that jobs named in this scan.
    mutating func takeResults(_ scan: inout InboxScan, structures: Set<String>) throws {
        for (name, job, quiet) in scan.results {
            let file = name.escaped
            guard !structures.contains(file), !scan.isNamed(file) else { continue }
            // The job that has it for a structure may come a little later.
            if try store.job(named: job) == nil, quiet < limits.patience {
                scan.outcome.pending[file] = "no job ‘\(job)’ waits for a result, and no job names it as its structure"
                scan.outcome.undecided = true
                continue
            }
            do {
                guard try scan.directory.status(of: name) != nil else { continue }
                let claim = try spool.blobs.claim(name, in: scan.directory, limit: limits.resultBytes)
                let bytes = try spool.blobs.read(claim.digest) ?? []
                scan.outcome.results.append(DroppedFile(job: job, name: name, claim: claim, bytes: bytes))
            } catch let refusal as ClaimRefusal {
                guard refusal.isFinal else { continue }
                try setAside(name, bytes: nil, text: "\(file): \(refusal)\n", [], &scan)
            } catch let error as FileError where Self.concernsOneFile(error) {
                scan.outcome.pending[file] = error.description
            }
        }
    }

    /// Says of files with nearly a name of meaning what they would have to be called.
    func noteOddNames(_ scan: inout InboxScan, structures: Set<String>) {
        for name in scan.others {
            let file = name.escaped
            guard !structures.contains(file), !scan.isNamed(file) else { continue }
            if let note = InboxName.note(on: file) { scan.outcome.notes[file] = note }
        }
    }
}

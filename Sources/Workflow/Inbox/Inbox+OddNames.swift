internal import DurableFiles
import SystemPackage

/// Files with misleading names.
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
            // The job that uses it as a structure may arrive a little later.
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

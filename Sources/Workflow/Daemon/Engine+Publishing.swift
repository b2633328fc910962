internal import DurableFiles
internal import JobSpec

/// The updates of the jobs' folders in the outbox.
extension Engine {
    /// Begins to update the outbox on a separate thread, because a job's report may be large.
    ///
    /// - Parameter isOver: if set, the publication ends after the current job.
    /// - Returns: false if there is nothing to write, or an earlier publication is still running.
    func beginPublication(until isOver: StopFlag) throws -> Bool {
        guard !isPublishing, try store.hasUnpublishedJobs() else { return false }
        isPublishing = true
        let (store, folders, stages) = (store, folders, stages)
        Task {
            let outcome: Result<[(job: String, error: (any Error)?)], any Error>
            do {
                outcome = .success(
                    try await onOwnThread {
                        var written: [(job: String, error: (any Error)?)] = []
                        for record in try store.unpublishedJobs() where !isOver.isStopping {
                            do {
                                try folders.publish(record)
                                try stages.outside(record)?.package.withdraw(
                                    in: folders.directory(of: record))
                                written.append((record.job.name, nil))
                            } catch {
                                written.append((record.job.name, error))
                                if isFatal(error) { break }
                            }
                        }
                        return written
                    })
            } catch {
                outcome = .failure(error)
            }
            self.published(outcome)
        }
        return true
    }

    private func published(_ outcome: Result<[(job: String, error: (any Error)?)], any Error>) {
        isPublishing = false
        switch outcome {
        case .success(let written):
            for (job, error) in written {
                let subject = "outbox/\(job)"
                if let error { note(error, of: subject) } else { troubles.clear(subject) }
            }
            troubles.clear("the outbox")
        case .failure(let error): note(error, of: "the outbox")
        }
    }
}

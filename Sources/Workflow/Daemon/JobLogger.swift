internal import JobSpec
internal import Logging

extension Logger {
    /// The same logger, whose lines have the job, its stage (from 1) and its attempt as metadata.
    func about(_ record: JobRecord) -> Logger {
        about(record.job.name, stage: record.machine.stage, attempt: record.machine.attempt)
    }

    /// - Parameter stage: from 0.
    func about(_ job: String, stage: Int, attempt: Int) -> Logger {
        var logger = self
        logger[metadataKey: "job"] = "\(job)"
        logger[metadataKey: "stage"] = "\(stage + 1)"
        logger[metadataKey: "attempt"] = "\(attempt)"
        return logger
    }
}

/// What a file of the inbox is for, by its name alone.
enum InboxName: Equatable {
    case job
    /// `<job>.result.extxyz`: a result that somebody brings back by hand.
    case result(job: String)
    /// `<job>.cancel` and the like: a wish of somebody who has only the folder.
    case request(JobRequest, job: String)
    /// Still being written, or of no concern.
    case ignored
    /// Structures, and whatever else lies there until a job names it.
    case other

    init(_ name: String) {
        let lower = name.lowercased()
        guard !name.hasPrefix("."), !name.hasSuffix("~"), !name.isEmpty,
            ![".part", ".tmp", ".swp", ".filepart", ".crdownload", ".lock"].contains(where: lower.hasSuffix)
        else {
            self = .ignored
            return
        }
        if lower.hasSuffix(".yaml") || lower.hasSuffix(".yml") {
            self = .job
        } else if lower.hasSuffix(".result.extxyz") {
            self = .result(job: String(name.dropLast(".result.extxyz".count)))
        } else if let request = JobRequest.allCases.first(where: { lower.hasSuffix("." + $0.rawValue) }) {
            self = .request(request, job: String(name.dropLast(request.rawValue.count + 1)))
        } else {
            self = .other
        }
    }
}

/// What a person may want of a job.
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

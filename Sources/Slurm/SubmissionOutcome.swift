import Foundation

/// The outcome of `sbatch`.
public enum SubmissionOutcome: Sendable, Equatable {
    case accepted(Int)
    /// The job was not submitted, and the same request would be refused again.
    case refused(String)
    /// The job was not submitted; a later request may be accepted.
    case later(String)
    /// The job may exist: its name must be searched for before anything else is done.
    case doubtful(String)
    /// `sbatch` did not run, or did not find its cluster: the job was not submitted, and no other job could be.
    case notRun(String)

    /// Judges the outcome by the exit status and the output of `sbatch`.
    ///
    /// - Parameter status: nil if the command was killed.
    public init(status: Int32?, output: String, errors: String) {
        if status == 0 {
            self =
                QueueEntry.id(inParsable: output).map(Self.accepted) ?? .doubtful("sbatch printed no number")
            return
        }
        // All lines of the message from sbatch or the site's own filter.
        let lines = (errors + "\n" + output).split(whereSeparator: \.isNewline).map(String.init)
            .filter { line in line.contains { !$0.isWhitespace } }
        let text = lines.isEmpty ? "sbatch printed nothing" : lines.suffix(20).joined(separator: "\n    ")
        guard status != nil else {
            self = .doubtful("sbatch gave no answer" + (lines.isEmpty ? "" : ": " + text))
            return
        }
        let all = lines.joined(separator: "\n")
        func says(_ words: [String]) -> Bool {
            words.contains { all.range(of: $0, options: .caseInsensitive) != nil }
        }
        // If an answer was lost on its way, the job may have been accepted.
        if says(Self.lostAnswers) {
            self = .doubtful(text)
        } else if says(Self.noCluster) {
            self = .notRun(text)
        } else if says(Self.never) || all.contains("sbatch: fatal:") {
            self = .refused(text)
        } else if says(Self.notNow) {
            self = .later(text)
        } else if all.contains("error") || all.contains("unrecognized option")
            || all.contains("invalid option")
        {
            self = .refused(text)
        } else {
            self = .doubtful(text)
        }
    }

    private static let lostAnswers = [
        "Socket timed out", "Unable to contact", "Zero Bytes", "Connection refused", "Connection reset",
        "Connection timed out", "Transport endpoint", "Communication", "Unexpected message",
        "temporarily unable", "not yet initialized", "Protocol version", "Protocol authentication",
    ]
    /// Messages of an sbatch that found no configuration, for example because a file system was not mounted.
    /// Such an sbatch has contacted no controller.
    private static let noCluster = [
        "Could not establish a configuration source", "Unable to process configuration file",
    ]
    /// Messages of permanent refusals, anywhere in the text.
    private static let never = [
        "Requested time limit is invalid", "Invalid account", "Invalid qos", "Invalid partition",
        "invalid partition specified", "Invalid feature", "Invalid time", "Invalid generic resource",
        "mutually exclusive", "More processors requested than permitted",
        "Memory specification can not be satisfied",
        "Access/permission denied", "User's group not permitted", "not permitted to use this partition",
        "Unspecified error", "Invalid node count", "Node count specification invalid",
        "CPU count per node can not be satisfied", "Invalid --", "Unable to open file", "Pathname",
    ]
    /// Messages of temporary refusals, which last until other jobs have ended, a node is available again or an
    /// administrator has acted.
    private static let notNow = [
        "job submit limit", "Job violates accounting/QOS policy", "QOSMax", "AssocMax", "AssocGrp", "QOSGrp",
        "Required partition not available", "Requested partition configuration not available",
        "Requested node configuration is not available", "drained", "inactive", "being initialized",
        "too many", "maximum number of jobs", "MaxJobCount", "Resource temporarily unavailable",
        "system is down", "in maintenance", "submissions are disabled", "limit",
    ]
}

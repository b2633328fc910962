/// What is known after `sbatch`.
public enum SubmissionOutcome: Sendable, Equatable {
    case accepted(Int)
    /// The job is not there, and the same would be refused again.
    case refused(String)
    /// The job is not there; another time it may be taken.
    case later(String)
    /// It may be there or not: look for its name before anything else.
    case doubtful(String)

    /// - Parameter status: nil where the command had to be ended, or never ran.
    public init(status: Int32?, output: String, errors: String) {
        if status == 0 {
            self =
                QueueEntry.id(inParsable: output).map(Self.accepted) ?? .doubtful("sbatch printed no number")
            return
        }
        let lines = errors.split(whereSeparator: \.isNewline).map(String.init)
        let text = lines.last { $0.contains("error") } ?? lines.last ?? "sbatch said nothing"
        guard status != nil else {
            self = .doubtful("sbatch gave no answer")
            return
        }
        // Only what the controller itself has answered, or sbatch found before it asked, is certain.
        let inDoubt = [
            "Socket timed out", "Unable to contact", "Zero Bytes", "Connection", "timed out", "Transport",
            "Communication", "Unexpected message", "temporarily unable", "not yet initialized", "Protocol",
        ]
        let passing = [
            "policy", "limit", "Limit", "QOS", "Requested node configuration is not available", "drained",
            "down", "inactive", "unavailable", "being initialized",
        ]
        if inDoubt.contains(where: errors.contains) || !errors.contains("error") {
            self = .doubtful(text)
        } else if passing.contains(where: text.contains) {
            self = .later(text)
        } else {
            self = .refused(text)
        }
    }
}

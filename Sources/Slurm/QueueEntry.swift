/// The state of a job according to Slurm.
public enum SlurmJobState: Sendable, Equatable, Codable {
    case pending
    case running
    /// The job's processes are being cleaned up; the job is not over yet.
    case completing
    /// The job is over, with Slurm's word for its end: `COMPLETED`, `TIMEOUT`, `NODE_FAIL`, …
    case ended(String)

    /// Parses the long form of `squeue` and `sacct`: `RUNNING`, `CANCELLED by 1000`,
    /// `OUT_OF_MEMORY`.
    public init?(_ text: some StringProtocol) {
        guard let word = text.split(whereSeparator: { $0 == " " || $0 == "+" }).first else { return nil }
        switch word {
        case "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT",
            "RESV_DEL_HOLD":
            self = .pending
        case "RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT": self = .running
        case "COMPLETING": self = .completing
        case "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY",
            "BOOT_FAIL", "DEADLINE", "REVOKED":
            self = .ended(String(word))
        default:
            // A state of a newer Slurm: the job exists and is not known to be over.
            guard word.utf8.allSatisfy({ (65...90).contains($0) || $0 == 95 }) else { return nil }
            self = .completing
        }
    }
}

/// A job in one line of `squeue` or `sacct`.
public struct QueueEntry: Sendable, Equatable {
    /// Number of the job; for an array, the number that all its elements share.
    public var id: Int
    /// Numbers of the array elements in this line; nil if the job is not an array.
    public var elements: [Int]?
    public var name: String
    public var state: SlurmJobState
    /// The reason for waiting: `Priority`, `Resources`, …; empty if Slurm prints `None`.
    public var reason = ""
    public var node = ""
    /// Time used and time left, seconds.
    public var used: Int?
    public var left: Int?
    /// Time of submission as printed, `2026-11-23T22:15:00`; the texts sort by time.
    public var submitted = ""

    public init(id: Int, name: String, state: SlurmJobState) {
        (self.id, self.name, self.state) = (id, name, state)
    }

    /// Fields: number (with elements of an array), state, reason, nodes, time used, time left, time of
    /// submission, name. The name is last because it may contain anything.
    static let squeueFormat = "%i|%T|%r|%N|%M|%L|%V|%j"

    public static func inSqueue(_ text: String) -> [QueueEntry] {
        entries(text, fields: 8) { entry, fields in
            entry.reason = fields[2] == "None" ? "" : String(fields[2])
            entry.node = String(fields[3])
            entry.used = SlurmText.printedTime(fields[4])
            entry.left = SlurmText.printedTime(fields[5])
            entry.submitted = String(fields[6])
        }
    }

    static let sacctFormat = "JobID,State,NodeList,Submit,JobName"

    public static func inSacct(_ text: String) -> [QueueEntry] {
        entries(text, fields: 5) { entry, fields in
            entry.node = fields[2] == "None assigned" ? "" : String(fields[2])
            entry.submitted = String(fields[3])
        }
    }

    /// Parses lines with number and state first and the name last; lines that do not describe a job are
    /// ignored.
    private static func entries(
        _ text: String, fields count: Int, _ fill: (inout QueueEntry, [Substring]) -> Void
    ) -> [QueueEntry] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let fields = line.split(separator: "|", maxSplits: count - 1, omittingEmptySubsequences: false)
            guard fields.count == count, let job = ArrayElements.job(fields[0]),
                let state = SlurmJobState(fields[1])
            else { return nil }
            var entry = QueueEntry(id: job.id, name: String(fields[count - 1]), state: state)
            entry.elements = job.elements
            fill(&entry, fields)
            return entry
        }
    }

    /// Finds the job's number in the output of `sbatch --parsable`: the last line of the form `123`
    /// or `123;cluster`.
    public static func id(inParsable text: String) -> Int? {
        text.split(whereSeparator: \.isNewline).reversed().lazy.compactMap { line -> Int? in
            line.split(separator: ";").first.flatMap { Int($0) }
        }.first { $0 > 0 }
    }
}

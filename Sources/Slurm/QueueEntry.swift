/// Where Slurm says a job is.
public enum SlurmJobState: Sendable, Equatable, Codable {
    case pending
    case running
    /// Its processes are being cleared away: not over yet.
    case completing
    /// Slurm's word for how: `COMPLETED`, `TIMEOUT`, `NODE_FAIL`, …
    case ended(String)

    /// Of the long form, as `squeue` and `sacct` print it: `RUNNING`, `CANCELLED by 1000`, `OUT_OF_MEMORY`.
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
            // A state that a later Slurm has: the job is there, and not known to be over.
            guard word.utf8.allSatisfy({ (65...90).contains($0) || $0 == 95 }) else { return nil }
            self = .completing
        }
    }
}

/// A job as one line of `squeue` or `sacct` shows it.
public struct QueueEntry: Sendable, Equatable {
    /// Of an array the number that all its elements share.
    public var id: Int
    /// The elements of an array that the line is about.
    public var elements: [Int]?
    public var name: String
    public var state: SlurmJobState
    /// Why it waits: `Priority`, `Resources`, …; empty where Slurm says `None`.
    public var reason = ""
    public var node = ""
    /// Seconds.
    public var used: Int?
    public var left: Int?
    /// As printed, `2026-11-23T22:15:00`: it sorts by time.
    public var submitted = ""

    public init(id: Int, name: String, state: SlurmJobState) {
        (self.id, self.name, self.state) = (id, name, state)
    }

    /// Number (with elements, of an array), state, reason, nodes, time used, time left, time of submission, name: a name may hold anything,
    /// so it is the last.
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

    /// Number and state first, the name last; lines that are no job's are left out.
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

    /// The job's number in what `sbatch --parsable` prints: the last line that is one, `123` or `123;cluster`.
    public static func id(inParsable text: String) -> Int? {
        text.split(whereSeparator: \.isNewline).reversed().lazy.compactMap { line -> Int? in
            line.split(separator: ";").first.flatMap { Int($0) }
        }.first { $0 > 0 }
    }
}

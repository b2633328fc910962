/// Where a job that waits is among all that wait for the same partition.
public struct QueuePlace: Sendable, Equatable, Codable {
    /// From 1.
    public var position: Int
    /// How many wait, this one included.
    public var waiting: Int
    /// When Slurm expects to start it, as it prints it (local time); nil where it does not say.
    public var start: String?

    public init(position: Int, waiting: Int, start: String? = nil) {
        (self.position, self.waiting, self.start) = (position, waiting, start)
    }

    /// One piece of a line for a person.
    var text: String {
        "place \(position) of \(waiting)"
            + (start.map { ", start expected \($0.replacing("T", with: " "))" } ?? "")
    }
}

/// Everybody's jobs that wait for room, in the order in which Slurm looks at them: higher priority first, then as they
/// came. An array is one of them.
public struct WaitingQueue: Sendable {
    private struct Job {
        let id: Int
        let priority: Int
        /// One, or several with commas.
        let partitions: Substring
        let start: String?
    }

    private let jobs: [Job]

    /// Number, priority, expected start, partitions, reason.
    static let format = "%A|%Q|%S|%P|%r"
    /// Who waits for something else than room takes nobody's turn.
    private static let elsewhere = [
        "Dependency", "BeginTime", "JobHeld", "JobArrayTaskLimit", "Reservation",
    ]

    /// Of what `squeue` printed; lines that are no job's are left out.
    public init(_ text: String) {
        jobs = text.split(whereSeparator: \.isNewline).compactMap { line -> Job? in
            let fields = line.split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false)
            guard fields.count == 5, let id = Int(fields[0]), let priority = Int(fields[1]),
                !Self.elsewhere.contains(where: fields[4].hasPrefix)
            else { return nil }
            return Job(
                id: id, priority: priority, partitions: fields[3],
                start: fields[2].first?.isNumber == true ? String(fields[2]) : nil)
        }.sorted { ($1.priority, $0.id) < ($0.priority, $1.id) }
    }

    /// The places of those of these jobs that wait for room.
    public func places(of ids: Set<Int>) -> [Int: QueuePlace] {
        var places: [Int: QueuePlace] = [:]
        // One count for all that wait for the same partitions: there may be thousands of them.
        for (partitions, own) in Dictionary(grouping: jobs.filter({ ids.contains($0.id) }), by: \.partitions)
        {
            let wanted = Set(partitions.split(separator: ","))
            let rivals = jobs.filter { !wanted.isDisjoint(with: $0.partitions.split(separator: ",")) }
            let positions = Dictionary(rivals.enumerated().map { ($1.id, $0 + 1) }) { first, _ in first }
            for job in own {
                places[job.id] = QueuePlace(
                    position: positions[job.id] ?? 0, waiting: rivals.count, start: job.start)
            }
        }
        return places
    }
}

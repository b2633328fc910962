/// The place of a waiting job among all jobs that wait for the same partition.
public struct QueuePlace: Sendable, Equatable, Codable {
    /// The job's place, from 1.
    public var position: Int
    /// Number of waiting jobs, including this one.
    public var waiting: Int
    /// Expected start as Slurm prints it (local time); nil if unknown.
    public var start: String?

    public init(position: Int, waiting: Int, start: String? = nil) {
        (self.position, self.waiting, self.start) = (position, waiting, start)
    }

    /// The place as a part of a status line.
    var text: String {
        "place \(position) of \(waiting)"
            + (start.map { ", start expected \($0.replacing("T", with: " "))" } ?? "")
    }
}

/// The waiting jobs of all users that need resources, in Slurm's order: higher priority first, then
/// by number. An array counts as one job.
public struct WaitingQueue: Sendable {
    private struct Job {
        let id: Int
        let priority: Int
        /// One partition, or several separated by commas.
        let partitions: Substring
        let start: String?
    }

    private let jobs: [Job]

    /// Fields: number, priority, expected start, partitions, reason.
    static let format = "%A|%Q|%S|%P|%r"
    /// Beginnings of the reasons of jobs that wait for something other than resources. Such jobs do not count as
    /// ahead of other jobs.
    private static let elsewhere = [
        "Dependency", "BeginTime", "JobHeld", "JobArrayTaskLimit", "Reservation",
    ]

    /// Returns whether a job with this reason waits for resources.
    public static func isForRoom(_ reason: some StringProtocol) -> Bool {
        !elsewhere.contains(where: reason.hasPrefix)
    }

    /// Parses the output of `squeue`; lines that do not describe a job are ignored.
    public init(_ text: String) {
        jobs = text.split(whereSeparator: \.isNewline).compactMap { line -> Job? in
            let fields = line.split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false)
            guard fields.count == 5, let id = Int(fields[0]), let priority = Int(fields[1]),
                Self.isForRoom(fields[4])
            else { return nil }
            return Job(
                id: id, priority: priority, partitions: fields[3],
                start: fields[2].first?.isNumber == true ? String(fields[2]) : nil)
        }.sorted { ($1.priority, $0.id) < ($0.priority, $1.id) }
    }

    /// Returns the places of the given jobs that wait for resources.
    public func places(of ids: Set<Int>) -> [Int: QueuePlace] {
        var places: [Int: QueuePlace] = [:]
        // Jobs of the same partitions share one count, because there may be thousands of jobs.
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

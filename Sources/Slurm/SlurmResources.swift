/// The resources that a batch job requests; nil leaves the choice to the cluster.
public struct SlurmResources: Sendable, Equatable, Codable {
    public var partition: String?
    public var account: String?
    public var qos: String?
    public var constraint: String?
    /// Time limit, seconds; Slurm counts in whole minutes.
    public var time: Int?
    public var nodes: Int?
    public var tasks: Int?
    /// Processors of each task.
    public var cpus: Int?
    /// Memory per node, MiB.
    public var memory: Int?

    public init() {}

    /// Returns these resources, with the values that `other` states in place of their own.
    public func overridden(by other: SlurmResources) -> SlurmResources {
        var result = self
        result.partition = other.partition ?? partition
        result.account = other.account ?? account
        result.qos = other.qos ?? qos
        result.constraint = other.constraint ?? constraint
        result.time = other.time ?? time
        result.nodes = other.nodes ?? nodes
        result.tasks = other.tasks ?? tasks
        result.cpus = other.cpus ?? cpus
        result.memory = other.memory ?? memory
        return result
    }
}

/// Upper limits for the request of a job, or of a resubmission with more resources.
public struct SlurmLimits: Sendable, Equatable, Codable {
    public var time: Int?
    public var nodes: Int?
    public var tasks: Int?
    public var memory: Int?

    public init() {}

    /// Returns the requests beyond the limits, one line each.
    public func excesses(of request: SlurmResources) -> [String] {
        func excess(_ what: String, _ value: Int?, _ limit: Int?, _ text: (Int) -> String) -> String? {
            guard let value, let limit, value > limit else { return nil }
            return "\(what) \(text(value)), above the limit of \(text(limit))"
        }
        return [
            excess("time", request.time, time, SlurmText.time),
            excess("nodes", request.nodes, nodes, \.description),
            excess("tasks", request.tasks, tasks, \.description),
            excess("memory", request.memory, memory, SlurmText.memory),
        ].compactMap { $0 }
    }
}

/// Times and amounts of memory in the notation of users and Slurm.
public enum SlurmText {
    /// Returns a time in Slurm's notation: `1-02:30:00`, `02:30:00`.
    public static func time(_ seconds: Int) -> String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let days = seconds / 86400
        let clock = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return days > 0 ? "\(days)-\(clock)" : clock
    }

    /// Parses the times printed by Slurm's commands, `[days-][[hours:]minutes:]seconds`, into
    /// seconds; nil for `UNLIMITED`, `INVALID`, `NOT_SET` and similar words.
    public static func printedTime(_ text: some StringProtocol) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        func number(_ field: some StringProtocol) -> Int? {
            field.utf8.count <= 9 && field.utf8.allSatisfy { (48...57).contains($0) } ? Int(field) : nil
        }
        guard parts.count <= 2, let clock = parts.last, let days = parts.count == 2 ? number(parts[0]) : 0
        else { return nil }
        var seconds = 0
        let fields = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard fields.count <= 3 else { return nil }
        for field in fields {
            guard let value = number(field) else { return nil }
            seconds = seconds * 60 + value
        }
        return days * 86400 + seconds
    }

    /// Returns an amount of memory: `16G` for a whole number of GiB, otherwise `16500M`.
    public static func memory(_ mebibytes: Int) -> String {
        mebibytes % 1024 == 0 ? "\(mebibytes / 1024)G" : "\(mebibytes)M"
    }
}

/// What a batch job asks for; nil leaves it to the cluster.
public struct SlurmResources: Sendable, Equatable, Codable {
    public var partition: String?
    public var account: String?
    public var qos: String?
    public var constraint: String?
    /// Seconds; Slurm counts in whole minutes.
    public var time: Int?
    public var nodes: Int?
    public var tasks: Int?
    /// Processors of each task.
    public var cpus: Int?
    /// MiB a node.
    public var memory: Int?

    public init() {}

    /// With the other's values where it has some.
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

/// The most that may be asked for, by a job or after a run that had too little.
public struct SlurmLimits: Sendable, Equatable, Codable {
    public var time: Int?
    public var nodes: Int?
    public var tasks: Int?
    public var memory: Int?

    public init() {}

    /// What is asked for beyond the limits, one line each.
    public func excesses(of request: SlurmResources) -> [String] {
        func excess(_ what: String, _ value: Int?, _ limit: Int?, _ text: (Int) -> String) -> String? {
            guard let value, let limit, value > limit else { return nil }
            return "\(what) \(text(value)), where \(text(limit)) is allowed"
        }
        return [
            excess("time", request.time, time, SlurmText.time),
            excess("nodes", request.nodes, nodes, \.description),
            excess("tasks", request.tasks, tasks, \.description),
            excess("memory", request.memory, memory, SlurmText.memory),
        ].compactMap { $0 }
    }
}

/// Times and amounts of memory as people and Slurm write them.
public enum SlurmText {
    /// `1-02:30:00`, `02:30:00`.
    public static func time(_ seconds: Int) -> String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let days = seconds / 86400
        let clock = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return days > 0 ? "\(days)-\(clock)" : clock
    }

    /// Seconds of what Slurm's commands print: `[days-][[hours:]minutes:]seconds`; nil for `UNLIMITED`,
    /// `INVALID`, `NOT_SET` and the like.
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

    /// `16G` where it is whole, else `16500M`.
    public static func memory(_ mebibytes: Int) -> String {
        mebibytes % 1024 == 0 ? "\(mebibytes / 1024)G" : "\(mebibytes)M"
    }
}

public import YAMLDocument

/// The resources of a batch system that a stage requests. For a value that is nil, the spool's value is used.
public struct Resources: Sendable, Equatable, Codable {
    public var partition: String?
    /// Time limit, seconds.
    public var time: Int?
    public var nodes: Int?
    public var tasks: Int?
    /// Memory per node, MiB.
    public var memory: Int?

    public init() {}

    /// Returns the options `time`, `nodes`, `tasks` and `memory` for a type that contains resources.
    public static func options<Holder: Sendable>(
        of path: any WritableKeyPath<Holder, Resources> & Sendable
    ) -> [OptionSpec<Holder>] { options.options.map { $0.of(path) } }

    public static let options = OptionTable(defaults: Resources()) {
        OptionSpec(
            "partition", \.partition, .text(check: checkPartition),
            "Partition, or several, separated by commas.")
        OptionSpec(
            "time", \.time,
            OptionForm(
                .text(check: checkTime), read: { $0.text.flatMap(seconds) }, text: { "\"\(clock($0))\"" }),
            "Time limit in Slurm's format: minutes, hours:minutes:seconds or days-hours:minutes:seconds.")
        OptionSpec("nodes", \.nodes, .integer(1...100_000), "Nodes.")
        OptionSpec("tasks", \.tasks, .integer(1...1_000_000), "Processes (MPI ranks).")
        OptionSpec(
            "memory", \.memory,
            OptionForm(
                .text(check: checkMemory), read: { $0.text.flatMap(mebibytes) }, text: { "\($0)M" }),
            "Memory per node, with its unit: 800M, 16G, 1T.")
    }

    /// Returns a diagnostic for each resource that a mapping requests beyond its limit.
    ///
    /// - Parameters:
    ///   - path: key path of the mapping, for diagnostics.
    ///   - limit: returns the name of a limit from its key.
    public static func excesses(
        _ node: YAMLNode, _ limits: Resources, path: String, limit: (String) -> String
    ) -> [Diagnostic] {
        let asked = options.read(node)
        let pairs = [
            ("time", asked.time, limits.time), ("nodes", asked.nodes, limits.nodes),
            ("tasks", asked.tasks, limits.tasks), ("memory", asked.memory, limits.memory),
        ]
        return pairs.compactMap { key, value, most in
            guard let value, let most, value > most, let node = node[key] else { return nil }
            return Diagnostic(
                code: "out-of-range", at: node.mark, width: node.width, keyPath: "\(path).\(key)",
                message: "this is above \(limit(key))")
        }
    }

    private static func clock(_ seconds: Int) -> String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(seconds / 86400)-\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }

    /// One year: no queue has a longer limit, so a larger value is a typing error.
    private static let longest = 366 * 86400

    /// Returns the seconds of a time limit: `30` and `30:00` are minutes, `1:30:00` hours, `2-0`, `2-12:00`
    /// and `2-12:00:00` days and hours.
    public static func seconds(_ text: String) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, let clock = parts.last else { return nil }
        var values: [Int] = []
        for field in clock.split(separator: ":", omittingEmptySubsequences: false) {
            guard !field.isEmpty, field.utf8.count <= 6, field.utf8.allSatisfy({ (48...57).contains($0) }),
                let value = Int(field)
            else { return nil }
            values.append(value)
        }
        guard values.count <= 3 else { return nil }
        var units = values.count == 3 ? [3600, 60, 1] : [60, 1]
        var days = 0
        if parts.count == 2 {
            guard parts[0].utf8.count <= 4, let value = Int(parts[0]), value >= 0 else { return nil }
            (days, units) = (value, [3600, 60, 1])
        }
        // Only the largest unit may exceed its usual range: 90:00:00 is 90 hours, but 1-90 is an error.
        let largest = [86400: 1 << 20, 3600: 24, 60: 60, 1: 60]
        let isPlausible = zip(values, units).enumerated().allSatisfy { place, field in
            (place == 0 && parts.count == 1) || field.0 < largest[field.1, default: 60]
        }
        let seconds = days * 86400 + zip(values, units).reduce(0) { $0 + $1.0 * $1.1 }
        return isPlausible && (1...longest).contains(seconds) ? seconds : nil
    }

    /// Returns the MiB of an amount of memory with its unit: `16G`.
    public static func mebibytes(_ text: String) -> Int? {
        guard let unit = text.last, let value = Int(text.dropLast()), value > 0, value <= 1 << 30 else {
            return nil
        }
        switch unit {
        case "M", "m": return value
        case "G", "g": return value << 10
        case "T", "t": return value << 20
        default: return nil
        }
    }

    @Sendable static func checkTime(_ text: String) -> TextProblem? {
        seconds(text) != nil
            ? nil
            : TextProblem(
                "‘\(text.prefix(40))’ is not a time limit",
                hint: "minutes (90), hours (1:30:00) or days (2-12:00:00), at most a year")
    }

    @Sendable static func checkMemory(_ text: String) -> TextProblem? {
        mebibytes(text) != nil
            ? nil
            : TextProblem(
                "‘\(text.prefix(40))’ is not an amount of memory", hint: "with its unit: 800M, 16G, 1T")
    }

    @Sendable static func checkPartition(_ text: String) -> TextProblem? {
        let isName =
            !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.,".utf8.contains(byte)
            } && !text.hasPrefix("-")
        return isName ? nil : TextProblem("‘\(text.prefix(80))’ cannot be the name of a partition")
    }
}

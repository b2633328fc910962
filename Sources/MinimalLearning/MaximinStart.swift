/// The first point of a farthest-first traversal.
public enum MaximinStart: Sendable, Equatable {
    /// The point nearest to the mean of all points.
    case closestToMean
    /// The point farthest from the mean of all points.
    case farthestFromMean
    case index(Int)
    /// A random point from a generator with this seed (SplitMix64).
    case random(seed: UInt64)
}

extension MaximinStart: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let start = MaximinStart(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not a start of a maximin selection")
        }
        self = start
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension MaximinStart: LosslessStringConvertible {
    /// `closest-to-mean`, `farthest-from-mean`, `index:7`, `random:1`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first, parts.count) {
        case ("closest-to-mean", 1): self = .closestToMean
        case ("farthest-from-mean", 1): self = .farthestFromMean
        case ("index", 2):
            guard let index = Int(parts[1]), index >= 0 else { return nil }
            self = .index(index)
        case ("random", 2):
            guard let seed = UInt64(parts[1]) else { return nil }
            self = .random(seed: seed)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .closestToMean: "closest-to-mean"
        case .farthestFromMean: "farthest-from-mean"
        case .index(let index): "index:\(index)"
        case .random(let seed): "random:\(seed)"
        }
    }
}

/// Which atoms a stage may move.
public enum MoveSelection: Sendable, Equatable, Codable {
    case all
    /// Everything but core gold, by the classes of the first frame.
    case shell
    /// Core gold only.
    case core
    /// 0-based indices, ascending.
    case indices([Int])
    /// What the structure's `move_mask` frees.
    case mask
    /// What one of the lists names.
    case any(AtomLists)
}

/// Atoms named by what they are. Ascending, each once.
public struct AtomLists: Sendable, Equatable, Codable {
    /// Element symbols.
    public var elements: [String] = []
    /// `core-gold`, `unit-gold`, `S`, `C` or `H`, by the classes of the first frame.
    public var classes: [String] = []
    /// Staple units, numbered from 0 as `aurelax build units` lists them.
    public var units: [Int] = []
    /// 0-based.
    public var indices: [Int] = []

    public static let classNames = ["core-gold", "unit-gold", "S", "C", "H"]

    public init() {}
}

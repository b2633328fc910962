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
    /// What another selection names, without the atoms of the lists (`fix:`).
    indirect case excluding(MoveSelection, AtomLists)

    /// The selection without ``excluding(_:_:)``, as `move:` says it.
    public var base: MoveSelection {
        if case .excluding(let base, _) = self { base.base } else { self }
    }

    /// The atoms that `fix:` names; nil where it names none.
    public var fixed: AtomLists? {
        if case .excluding(_, let lists) = self { lists } else { nil }
    }
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
    /// Atoms whose z coordinate is below this, Å; nil for none.
    public var below: Double?

    public static let classNames = ["core-gold", "unit-gold", "S", "C", "H"]

    public init() {}
}

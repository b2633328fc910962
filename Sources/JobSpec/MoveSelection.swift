import Atomistics
public import YAMLDocument

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
        get { if case .excluding(_, let lists) = self { lists } else { nil } }
        set { self = newValue.map { .excluding(base, $0) } ?? base }
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

extension MoveSelection {
    static let sentence =
        "Atoms that move: all, shell (all but core gold), core (core gold), mask (the structure's move_mask), "
        + "a list of 0-based indices, or lists: {elements: [H], classes: [unit-gold], units: [0], indices: [7]}."

    /// As a job file says it.
    public var text: String {
        switch self {
        case .all: "all"
        case .shell: "shell"
        case .core: "core"
        case .mask: "mask"
        case .indices(let indices): "[\(indices.map(\.description).joined(separator: ", "))]"
        case .any(let lists): lists.text
        case .excluding(let base, let lists): "\(base.text), without \(lists.text)"
        }
    }
}

extension AtomLists {
    static let sentence =
        "Atoms that keep their places, whatever move says: a list of 0-based indices, or lists, or all below a height: "
        + "{elements: [Au], indices: [1, 2], counted_from: 1, below: -2.5}."

    /// As a job file says it; indices are counted from 0.
    var text: String { Self.options.lines(of: self).flow }
}

extension OptionForm where Value == AtomLists {
    /// Atoms that are fixed; on the command line `0,1,7`, `Au,S` or `below=-2.5`.
    static var fixed: Self {
        Self(
            .either(
                [OptionForm<[Int]>.indices.schema, .mapping(AtomLists.options.schema)],
                what: "a list of atom indices, or lists of elements, classes, units and indices, or a height"),
            argument: { text in
                var (indices, elements, entries): ([YAMLNode], [YAMLNode], [(String, YAMLNode)]) = (
                    [], [], []
                )
                for word in text.split(separator: ",").map(String.init) {
                    if word.hasPrefix("below=") {
                        entries = [("below", YAMLNode(argument: String(word.dropFirst("below=".count))))]
                    } else if Int(word) != nil {
                        indices.append(YAMLNode(argument: word))
                    } else {
                        elements.append(YAMLNode(argument: word))
                    }
                }
                if !elements.isEmpty { entries.append(("elements", YAMLNode(argument: elements))) }
                if !indices.isEmpty { entries.append(("indices", YAMLNode(argument: indices))) }
                return entries.isEmpty ? nil : YAMLNode(argument: entries)
            },
            argumentHelp: "Written 0,1,7 or Au,S or below=-2.5.",
            read: { node in
                guard let indices = node.elements?.compactMap(\.integer) else {
                    return AtomLists.options.read(node)
                }
                var lists = AtomLists()
                lists.indices = Set(indices).sorted()
                return lists
            }, text: \.text)
    }
}

extension OptionForm where Value == MoveSelection {
    /// On the command line indices stand without brackets: `0,1,2`.
    public static var atoms: Self {
        Self(
            .either(
                [
                    .choice(["all", "shell", "core", "mask"]), OptionForm<[Int]>.indices.schema,
                    .mapping(AtomLists.options.schema),
                ],
                what:
                    "all, shell, core, mask, a list of atom indices, or lists of elements, classes, units and indices"
            ),
            argument: { text in
                let isList = text.contains(",") || Int(text) != nil
                return isList
                    ? YAMLNode(argument: text.split(separator: ",").map { YAMLNode(argument: String($0)) })
                    : YAMLNode(argument: text)
            },
            argumentHelp: "Indices are written 0,1,7.",
            read: { node in
                if let indices = node.elements?.compactMap(\.integer) {
                    return .indices(Array(Set(indices)).sorted())
                }
                if node.entries != nil { return .any(AtomLists.options.read(node)) }
                switch node.text {
                case "all": return .all
                case "shell": return .shell
                case "core": return .core
                case "mask": return .mask
                default: return nil
                }
            }, text: \.base.text)
    }
}

extension AtomLists {
    static let options = OptionTable(defaults: AtomLists()) {
        OptionSpec(
            "elements", \.elements, .ascending(.text(check: checkElement), count: 1...118),
            "Symbols of elements."
        ).written { !$0.elements.isEmpty }
        OptionSpec(
            "classes", \.classes, .ascending(.choice(classNames), count: 1...5),
            "Classes of the first frame."
        ).written { !$0.classes.isEmpty }
        OptionSpec(
            "units", \.units, .indices, "Staple units, numbered from 0 as `aurelax build units` lists them."
        ).written { !$0.units.isEmpty }
        OptionSpec(
            "indices", \.indices, .indices, "Atoms, counted from 0, or as counted_from says."
        ).written { !$0.indices.isEmpty }
        OptionSpec<AtomLists>(
            "counted_from", schema: .integer(0...1), default: "0",
            "The number of the first atom in indices: 0 or 1."
        ) { node, lists in
            let first = node.integer ?? 0
            lists.indices = lists.indices.map { $0 - first }
        }
        OptionSpec("below", \.below, .number(-1e6...1e6), "Atoms whose z coordinate is below this, Å.")
    }

    @Sendable private static func checkElement(_ text: String) -> TextProblem? {
        Element(symbol: text) == nil
            ? TextProblem("‘\(text.prefix(80))’ is not the symbol of an element") : nil
    }
}

extension OptionForm where Value == [Int] {
    fileprivate static var indices: Self { .ascending(.integer(0...9_999_999), count: 1...1_000_000) }
}

extension OptionForm {
    /// A list of which the order does not count, nor that something stands there twice.
    fileprivate static func ascending<Element: Hashable & Comparable>(
        _ element: OptionForm<Element>, count: ClosedRange<Int>
    ) -> Self where Value == [Element] {
        .list(element, count: count).read { Array(Set($0)).sorted() }
    }
}

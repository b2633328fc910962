import Atomistics
public import YAMLDocument

/// The atoms that a stage may move.
public enum MoveSelection: Sendable, Equatable, Codable {
    case all
    /// All atoms except core gold. The class of each atom is determined in the first frame.
    case shell
    /// Core gold only.
    case core
    /// 0-based indices, ascending.
    case indices([Int])
    /// The atoms that are free in the structure's `move_mask`.
    case mask
    /// The atoms in one of the lists.
    case any(AtomLists)
    /// The atoms of another selection without those in the lists (`fix:`).
    indirect case excluding(MoveSelection, AtomLists)

    /// The selection without its `fix:`, as it stands in `move:`.
    public var base: MoveSelection {
        if case .excluding(let base, _) = self { base.base } else { self }
    }

    /// The atoms of `fix:`; nil if there are none.
    public var fixed: AtomLists? {
        get { if case .excluding(_, let lists) = self { lists } else { nil } }
        set { self = newValue.map { .excluding(base, $0) } ?? base }
    }
}

/// Atoms selected by their properties. Lists are ascending, without duplicates.
public struct AtomLists: Sendable, Equatable, Codable {
    /// Element symbols.
    public var elements: [String] = []
    /// Classes of atoms: `core-gold`, `unit-gold`, `S`, `C` or `H`, as determined in the first frame.
    public var classes: [String] = []
    /// Staple units, numbered from 0 as `aurelax build units` lists them.
    public var units: [Int] = []
    /// Indices of atoms, from 0.
    public var indices: [Int] = []
    /// Selects the atoms whose z coordinate is below this, Å. Nil selects none.
    public var below: Double?

    public static let classNames = ["core-gold", "unit-gold", "S", "C", "H"]

    public init() {}
}

extension MoveSelection {
    static let sentence =
        "Atoms that move: all, shell (all but core gold), core (core gold), mask (the structure's move_mask), "
        + "a list of 0-based indices, or lists: {elements: [H], classes: [unit-gold], units: [0], indices: [7]}."

    /// The selection in the notation of a job file.
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
        "Atoms that are fixed, even if move selects them: a list of 0-based indices, or lists, or all below a height: "
        + "{elements: [Au], indices: [1, 2], counted_from: 1, below: -2.5}."

    /// The lists in the notation of a job file; indices start at 0.
    var text: String { Self.options.lines(of: self).flow }
}

extension OptionForm where Value == AtomLists {
    /// The form of `fix:`; on the command line `0,1,7`, `Au,S` or `below=-2.5`.
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
    /// The form of a selection of atoms; on the command line, indices have no brackets: `0,1,2`.
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
            "elements", \.elements, .ascending(.text(check: JobSchema.checkElement), count: 1...118),
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
            "indices", \.indices, .indices, "Indices of atoms, from 0 or as given by counted_from."
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
}

extension OptionForm where Value == [Int] {
    fileprivate static var indices: Self { .ascending(.integer(0...9_999_999), count: 1...1_000_000) }
}

extension OptionForm {
    /// The form of a list in which order and duplicates do not matter.
    fileprivate static func ascending<Element: Hashable & Comparable>(
        _ element: OptionForm<Element>, count: ClosedRange<Int>
    ) -> Self where Value == [Element] {
        .list(element, count: count).read { Array(Set($0)).sorted() }
    }
}

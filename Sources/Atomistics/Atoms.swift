public import OrderedCollections

/// A structure: elements, positions, an optional cell, and the other values from its file.
///
/// Positions are in Å, energies in eV, forces in eV/Å. Two structures are equal when all of their
/// values are equal.
public struct Atoms: Sendable, Equatable {
    /// One element per atom.
    public var elements: [Element]
    /// One position per atom, Å.
    public var positions: [SIMD3<Double>]
    /// Lattice vectors. Nil means a molecule in empty space.
    public var cell: Cell?
    public var periodicity: Periodicity
    /// The file's values for the whole structure, in file order, without `Lattice`, `pbc` and
    /// `Properties`.
    public var info: OrderedDictionary<String, InfoValue>
    /// The file's values for each atom other than species and position, in file order.
    public var columns: OrderedDictionary<String, Column>

    /// - Precondition: `elements` and `positions` have the same length.
    public init(
        elements: [Element], positions: [SIMD3<Double>], cell: Cell? = nil,
        periodicity: Periodicity = .none, info: OrderedDictionary<String, InfoValue> = [:],
        columns: OrderedDictionary<String, Column> = [:]
    ) {
        precondition(elements.count == positions.count, "elements and positions have the same length")
        self.elements = elements
        self.positions = positions
        self.cell = cell
        self.periodicity = periodicity
        self.info = info
        self.columns = columns
    }

    public var count: Int { elements.count }

    /// Total energy from the method that labelled the frame (key `energy`), eV.
    public var energy: Double? {
        get { info["energy"]?.double }
        set { info["energy"] = newValue.map(InfoValue.real) }
    }

    /// Forces from the method that labelled the frame (column `forces`), eV/Å. They are raw: constraints are not
    /// applied to them.
    public var forces: [SIMD3<Double>]? {
        get { columns["forces"]?.vectors }
        set { columns["forces"] = newValue.map(Column.init(vectors:)) }
    }

    /// True for each atom that can move along at least one axis (column `move_mask`); nil if the
    /// file has no such column.
    public var moveMask: [Bool]? {
        get {
            guard let column = columns["move_mask"], column.width == 3,
                case .boolean(let values) = column.values
            else { return columns["move_mask"]?.booleans }
            return stride(from: 0, to: values.count, by: 3).map { values[$0..<$0 + 3].contains(true) }
        }
        set { columns["move_mask"] = newValue.map { Column(width: 1, values: .boolean($0)) } }
    }

    /// Indices (3 · atom + axis, ascending) of the fixed coordinates of atoms that can move along another axis. The
    /// file gives them as a `move_mask` with three values per atom, like ASE's `FixCartesian`.
    public var fixedCoordinates: [Int] {
        get {
            guard let column = columns["move_mask"], column.width == 3,
                case .boolean(let values) = column.values
            else { return [] }
            return values.indices.filter { i in
                !values[i] && values[i / 3 * 3..<i / 3 * 3 + 3].contains(true)
            }
        }
        set {
            guard !newValue.isEmpty else { return }
            let mask = moveMask ?? [Bool](repeating: true, count: count)
            var values = mask.flatMap { [$0, $0, $0] }
            for i in newValue { values[i] = false }
            columns["move_mask"] = Column(width: 3, values: .boolean(values))
        }
    }

    /// Copies the column `move_mask`, which says which coordinates are fixed, from another structure of the same atoms.
    public mutating func takeMoveMask(from other: Atoms) { columns["move_mask"] = other.columns["move_mask"] }

    /// Elements with their counts in Hill order without separators: C24H72Au38S24.
    public var formula: String {
        var counts: [Element: Int] = [:]
        for element in elements { counts[element, default: 0] += 1 }
        let hasCarbon = counts[.carbon] != nil
        func rank(_ element: Element) -> (Int, String) {
            let first = hasCarbon ? (element == .carbon ? 0 : element == .hydrogen ? 1 : 2) : 2
            return (first, element.symbol)
        }
        return counts.sorted { rank($0.key) < rank($1.key) }
            .map { $0.value == 1 ? $0.key.symbol : "\($0.key.symbol)\($0.value)" }.joined()
    }
}

/// Lattice vectors as rows, Å.
public struct Cell: Sendable, Equatable {
    public var a: SIMD3<Double>
    public var b: SIMD3<Double>
    public var c: SIMD3<Double>

    public init(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) {
        (self.a, self.b, self.c) = (a, b, c)
    }

    /// Whether a lattice vector is not parallel to its Cartesian axis (a to x, b to y, c to z).
    public var isSkewed: Bool {
        [a.y, a.z, b.x, b.z, c.x, c.y].contains { abs($0) > 1e-6 }
    }

    /// Signed volume a · (b × c), Å³.
    public var volume: Double { a.dot(b.cross(c)) }
}

/// Whether the structure repeats along each of its lattice vectors.
public struct Periodicity: Sendable, Hashable {
    public var a: Bool
    public var b: Bool
    public var c: Bool

    public init(_ a: Bool, _ b: Bool, _ c: Bool) { (self.a, self.b, self.c) = (a, b, c) }

    public static let none = Periodicity(false, false, false)
    public static let all = Periodicity(true, true, true)
    public var isPeriodic: Bool { a || b || c }
}

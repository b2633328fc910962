/// The bonds between the non-metal atoms of a structure, for comparison with other geometries of the same atoms.
///
/// A pair is bonded if its atoms are closer than 1.25 times the sum of their covalent radii. A bond breaks when its
/// length exceeds 1.5 times the sum. A bond forms when two atoms that were further apart than 1.25 times the sum come
/// closer than 1.1 times the sum (two hydrogens: 0.9 Å). Changes of distance between these limits are ignored, so that
/// a vibration does not count as a reaction.
public struct BondWatch: Sendable {
    private static let bonded = 1.25
    private static let broken = 1.5
    private static let formed = 1.1
    private static let hydrogenMolecule = 0.9

    private let elements: [Element]
    /// Pairs i < j that were bonded at the start.
    private let bonds: [(i: Int, j: Int)]
    /// Pairs i < j that were bonded or nearly bonded at the start.
    private let close: Set<SIMD2<Int>>

    /// - Throws: ``StructureError``.
    public init(_ atoms: Atoms) throws(StructureError) {
        elements = atoms.elements
        var (bonds, close) = ([(i: Int, j: Int)](), Set<SIMD2<Int>>())
        try Self.forEachPair(in: atoms) { i, j, ratio in
            if ratio < Self.bonded {
                bonds.append((i, j))
                close.insert([i, j])
            }
        }
        (self.bonds, self.close) = (bonds, close)
    }

    /// Returns the bonds that have broken or formed since the start; nil if there are none.
    ///
    /// - Parameter atoms: the same atoms, in any geometry.
    /// - Throws: ``StructureError``.
    public func changes(in atoms: Atoms) throws(StructureError) -> BondChanges? {
        var changes = BondChanges()
        for (i, j) in bonds {
            let limit = Self.broken * Self.radii(elements[i], elements[j])
            if distance(i, j, in: atoms) > limit {
                changes.broken[Self.kind(elements[i], elements[j]), default: 0] += 1
            }
        }
        try Self.forEachPair(in: atoms) { i, j, ratio in
            guard !close.contains([i, j]) else { return }
            let (a, b) = (elements[i], elements[j])
            let limit =
                a == .hydrogen && b == .hydrogen
                ? Self.hydrogenMolecule / Self.radii(a, b) : Self.formed
            if ratio < limit { changes.formed[Self.kind(a, b), default: 0] += 1 }
        }
        return changes.isEmpty ? nil : changes
    }

    private func distance(_ i: Int, _ j: Int, in atoms: Atoms) -> Double {
        guard atoms.periodicity.isPeriodic, let cell = atoms.cell,
            let lattice = PeriodicLattice(cell, atoms.periodicity)
        else { return (atoms.positions[i] - atoms.positions[j]).length }
        let offset = atoms.positions[i] - atoms.positions[j]
        return (offset - lattice.cartesian(lattice.nearest(lattice.fractions(offset)))).length
    }

    /// Calls `body` with every pair i < j of non-metals and its distance divided by the sum of their covalent radii.
    private static func forEachPair(
        in atoms: Atoms, _ body: (Int, Int, Double) -> Void
    ) throws(StructureError) {
        let members = atoms.elements.map(\.isNonMetal)
        let largest = atoms.elements.filter(\.isNonMetal).compactMap(\.covalentRadius).max()
        guard let largest else { return }
        let neighbors = try NeighborList(atoms, cutoff: 2 * bonded * largest)
        for i in 0..<atoms.count where members[i] {
            for slot in neighbors.range(of: i) where neighbors.indices[slot] > i {
                let j = neighbors.indices[slot]
                guard members[j] else { continue }
                body(
                    i, j,
                    neighbors.squaredDistances[slot].squareRoot()
                        / radii(atoms.elements[i], atoms.elements[j]))
            }
        }
    }

    private static func radii(_ a: Element, _ b: Element) -> Double {
        (a.covalentRadius ?? 1.5) + (b.covalentRadius ?? 1.5)
    }

    private static func kind(_ a: Element, _ b: Element) -> String {
        let (first, second) = a == .hydrogen ? (b, a) : (min(a, b), max(a, b))
        return "\(first.symbol)–\(second.symbol)"
    }
}

/// The numbers of bonds that have broken or formed, for each kind of bond (`C–H`).
public struct BondChanges: Sendable, Equatable, CustomStringConvertible {
    public var broken: [String: Int] = [:]
    public var formed: [String: Int] = [:]

    public var isEmpty: Bool { broken.isEmpty && formed.isEmpty }

    public init() {}

    /// For example `144 C–C and 2 C–H bonds broke, 1 S–S bond formed`.
    public var description: String {
        [Self.sentence(broken, "broke"), Self.sentence(formed, "formed")].compactMap { $0 }.joined(
            separator: ", ")
    }

    private static func sentence(_ counts: [String: Int], _ verb: String) -> String? {
        guard !counts.isEmpty else { return nil }
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var parts = sorted.prefix(3).map { "\($0.value) \($0.key)" }
        let rest = sorted.dropFirst(3).reduce(0) { $0 + $1.value }
        if rest > 0 { parts.append("\(rest) other") }
        let total = counts.values.reduce(0, +)
        let list =
            parts.count > 1
            ? parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1] : parts[0]
        return "\(list) \(total == 1 ? "bond" : "bonds") \(verb)"
    }
}

extension Element {
    /// H, the noble gases, B, C, Si, N, P, As, O, S, Se, Te and the halogens.
    public var isNonMetal: Bool {
        [1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 33, 34, 35, 36, 52, 53, 54].contains(atomicNumber)
    }
}

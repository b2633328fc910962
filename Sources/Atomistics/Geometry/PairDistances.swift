/// A distance for each pair of elements, Å: the shortest distance that was found between their atoms, or that is
/// allowed.
public struct PairDistances: Sendable, Equatable {
    /// The distances, Å. Keys are two atomic numbers "Z-Z'" with Z ≤ Z'.
    private var values: [String: Double]

    /// Makes a table that has no distance for any pair.
    public init() { values = [:] }

    /// Finds, for each pair of elements, the shortest distance between their atoms in any of the structures. If no such
    /// atoms are closer than ``reach``, the pair has no distance. Images of periodic structures count.
    ///
    /// - Throws: ``StructureError`` for coordinates that are not finite, or too many atoms at one
    ///   position.
    /// - Complexity: O(N) per structure.
    public init(shortestIn structures: [Atoms]) throws(StructureError) {
        var shortest: [ElementPair: Double] = [:]
        for atoms in structures {
            let neighbors = try NeighborList(atoms, cutoff: Self.reach)
            for i in 0..<atoms.count {
                for slot in neighbors.range(of: i) where neighbors.indices[slot] <= i {
                    let squared = neighbors.squaredDistances[slot]
                    let pair = ElementPair(atoms.elements[i], atoms.elements[neighbors.indices[slot]])
                    if squared < shortest[pair] ?? .infinity { shortest[pair] = squared }
                }
            }
        }
        values = [:]
        for (pair, squared) in shortest { self[pair.a, pair.b] = squared.squareRoot() }
    }

    /// Atoms further apart than this are ignored, Å.
    public static let reach = 4.0

    public subscript(_ a: Element, _ b: Element) -> Double? {
        get { values[Self.key(a, b)] }
        set { values[Self.key(a, b)] = newValue }
    }

    /// A model may be used for structures whose distances are at least this fraction of the shortest distances in its
    /// training data.
    public static let trustedFraction = 0.97

    /// Returns every distance times a factor.
    public func scaled(by factor: Double) -> PairDistances {
        var scaled = self
        scaled.values = values.mapValues { factor * $0 }
        return scaled
    }

    /// Calls `body` for every pair of atoms, j < i, that is closer than the distance for their elements; in a periodic
    /// structure, for every image of j. An atom and its own images are not a pair.
    ///
    /// - Parameters:
    ///   - atoms: a structure.
    ///   - body: called with i, j, r_i − r_j, its length, and the distance of their elements.
    /// - Throws: ``StructureError`` for coordinates that are not finite, or too many atoms at one
    ///   position.
    /// - Complexity: O(N).
    public func forEachCloserPair(
        in atoms: Atoms, _ body: (Int, Int, SIMD3<Double>, _ distance: Double, _ limit: Double) -> Void
    ) throws(StructureError) {
        let elements = Set(atoms.elements).sorted()
        var index = [Int](repeating: 0, count: 119)
        for (i, element) in elements.enumerated() { index[element.atomicNumber] = i }
        let table = elements.map { a in elements.map { b in self[a, b] ?? 0 } }
        let kinds = atoms.elements.map { index[$0.atomicNumber] }
        guard let longest = table.joined().max(), longest > 0 else { return }
        let neighbors = try NeighborList(atoms, cutoff: longest)
        for i in 0..<atoms.count {
            for slot in neighbors.range(of: i) where neighbors.indices[slot] < i {
                let j = neighbors.indices[slot]
                let (distance, limit) = (
                    neighbors.squaredDistances[slot].squareRoot(), table[kinds[i]][kinds[j]]
                )
                if distance < limit { body(i, j, -neighbors.displacements[slot], distance, limit) }
            }
        }
    }

    private static func key(_ a: Element, _ b: Element) -> String {
        "\(min(a.atomicNumber, b.atomicNumber))-\(max(a.atomicNumber, b.atomicNumber))"
    }
}

/// Two elements in either order.
private struct ElementPair: Hashable {
    let a: Element
    let b: Element

    init(_ a: Element, _ b: Element) { (self.a, self.b) = (min(a, b), max(a, b)) }
}

extension PairDistances: Codable {
    public init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: Double].self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values)
    }
}

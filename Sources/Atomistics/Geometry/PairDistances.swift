/// A distance for each pair of elements, Å: how close their atoms come to each other, or may come.
public struct PairDistances: Sendable, Equatable {
    /// By atomic numbers "Z-Z'", Z ≤ Z'.
    private var values: [String: Double]

    /// The shortest distance of each pair of elements in any of the structures; none for a pair that is nowhere
    /// closer than 4 Å. Structures are taken as molecules.
    ///
    /// - Complexity: O(N²) a structure.
    public init(shortestIn structures: [Atoms]) {
        values = [:]
        for atoms in structures {
            for i in 0..<atoms.count {
                for j in 0..<i {
                    let squared = (atoms.positions[i] - atoms.positions[j]).squaredLength
                    guard squared < 16 else { continue }
                    let distance = squared.squareRoot()
                    let key = Self.key(atoms.elements[i], atoms.elements[j])
                    values[key] = min(distance, values[key] ?? distance)
                }
            }
        }
    }

    public subscript(_ a: Element, _ b: Element) -> Double? {
        get { values[Self.key(a, b)] }
        set { values[Self.key(a, b)] = newValue }
    }

    /// Of the shortest distance in what a model has learnt from, the part down to which it may still be asked: 0.97.
    public static let trustedFraction = 0.97

    /// Every distance times a factor.
    public func scaled(by factor: Double) -> PairDistances {
        var scaled = self
        scaled.values = values.mapValues { factor * $0 }
        return scaled
    }

    /// Every pair of atoms, j < i, that is closer than the distance of its elements.
    ///
    /// - Parameters:
    ///   - atoms: a molecule.
    ///   - body: told i, j, r_i − r_j, its length, and the distance that it falls short of.
    /// - Complexity: O(N²).
    public func forEachCloserPair(
        in atoms: Atoms, _ body: (Int, Int, SIMD3<Double>, _ distance: Double, _ limit: Double) -> Void
    ) {
        let elements = Set(atoms.elements).sorted()
        var index = [Int](repeating: 0, count: 119)
        for (i, element) in elements.enumerated() { index[element.atomicNumber] = i }
        let table = elements.map { a in elements.map { b in self[a, b] ?? 0 } }
        let kinds = atoms.elements.map { index[$0.atomicNumber] }
        let longest = table.joined().max() ?? 0
        for i in 0..<atoms.count {
            for j in 0..<i {
                let offset = atoms.positions[i] - atoms.positions[j]
                let squared = offset.squaredLength
                guard squared < longest * longest else { continue }
                let (distance, limit) = (squared.squareRoot(), table[kinds[i]][kinds[j]])
                if distance < limit { body(i, j, offset, distance, limit) }
            }
        }
    }

    private static func key(_ a: Element, _ b: Element) -> String {
        "\(min(a.atomicNumber, b.atomicNumber))-\(max(a.atomicNumber, b.atomicNumber))"
    }
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

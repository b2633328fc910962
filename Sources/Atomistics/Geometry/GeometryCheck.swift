/// Gates that a structure passes before anything expensive is done with it.
public struct GeometryCheck: Sendable, Equatable, Codable {
    /// A pair closer than this fraction of the sum of its covalent radii is a clash.
    public var clashFraction = 0.6
    /// A pair closer than this fraction of the sum of its covalent radii is bonded; atoms that no chain of
    /// bonds connects are fragments.
    public var bondFraction = 1.3
    /// How far an atom may be from where it was, both structures superposed, Å.
    public var maxDisplacement = 3.0

    public init() {}

    /// What is wrong with a structure; empty where nothing is.
    ///
    /// - Parameter reference: the structure it came from, atoms in the same order. More fragments than that
    ///   one has, or an atom too far from its place in it, are problems; without one, neither is looked at.
    /// - Complexity: O(N).
    public func problems(in atoms: Atoms, comparedWith reference: Atoms? = nil) -> [GeometryProblem] {
        let notFinite = atoms.positions.indices.filter { !atoms.positions[$0].isFinite }
        guard notFinite.isEmpty else {
            return notFinite.map { .notFinite(label(of: $0, in: atoms)) }
        }
        var problems = clashes(in: atoms)
        guard let reference, reference.elements == atoms.elements,
            reference.positions.allSatisfy(\.isFinite)
        else { return problems }
        let before = fragments(of: reference)
        let now = fragments(of: atoms)
        if now.count > before.count {
            // The largest stays what it was; the others have left it.
            let lost = now.sorted { $0.count > $1.count }.dropFirst()
            for fragment in lost where !before.contains(fragment) {
                problems.append(.fragment(fragment.sorted().map { label(of: $0, in: atoms) }))
            }
        }
        if let placed = try? Superposition(of: atoms, on: reference) {
            for (i, distance) in placed.distances.enumerated() where distance > maxDisplacement {
                problems.append(
                    .displaced(label(of: i, in: atoms), distance: distance, limit: maxDisplacement))
            }
        }
        return problems
    }

    private func clashes(in atoms: Atoms) -> [GeometryProblem] {
        var problems: [GeometryProblem] = []
        forEachPair(in: atoms, fraction: clashFraction) { i, j, distance, limit in
            problems.append(
                .clash(
                    label(of: i, in: atoms), label(of: j, in: atoms), distance: distance, limit: limit))
        }
        return problems
    }

    /// Connected components of the bonds, as sets of atom indices.
    func fragments(of atoms: Atoms) -> [Set<Int>] {
        var parent = Array(0..<atoms.count)
        func root(_ i: Int) -> Int {
            var i = i
            while parent[i] != i {
                parent[i] = parent[parent[i]]
                i = parent[i]
            }
            return i
        }
        forEachPair(in: atoms, fraction: bondFraction) { i, j, _, _ in parent[root(i)] = root(j) }
        return Array(Dictionary(grouping: 0..<atoms.count, by: root).mapValues(Set.init).values)
    }

    /// Pairs i < j closer than the fraction of the sum of their covalent radii.
    private func forEachPair(
        in atoms: Atoms, fraction: Double, _ body: (Int, Int, Double, Double) -> Void
    ) {
        let radii = atoms.elements.map { $0.covalentRadius ?? 1.5 }
        guard let largest = radii.max(), largest > 0, fraction > 0,
            let neighbors = try? NeighborList(atoms, cutoff: 2 * largest * fraction)
        else { return }
        for i in 0..<atoms.count {
            for k in neighbors.range(of: i) where neighbors.indices[k] > i {
                let j = neighbors.indices[k]
                let limit = fraction * (radii[i] + radii[j])
                let distance = neighbors.squaredDistances[k].squareRoot()
                if distance < limit { body(i, j, distance, limit) }
            }
        }
    }

    private func label(of i: Int, in atoms: Atoms) -> AtomLabel {
        AtomLabel(index: i, element: atoms.elements[i])
    }
}

/// An atom as messages name it: `S 12`, 0-based.
public struct AtomLabel: Sendable, Hashable, CustomStringConvertible {
    public let index: Int
    public let element: Element

    public var description: String { "\(element.symbol) \(index)" }
}

/// One reason against a structure.
public enum GeometryProblem: Sendable, Equatable, CustomStringConvertible {
    case notFinite(AtomLabel)
    case clash(AtomLabel, AtomLabel, distance: Double, limit: Double)
    /// Atoms that are bonded to nothing else any more.
    case fragment([AtomLabel])
    case displaced(AtomLabel, distance: Double, limit: Double)

    public var description: String {
        switch self {
        case .notFinite(let atom): "atom \(atom) has a coordinate that is not a number"
        case .clash(let a, let b, let distance, let limit):
            "atoms \(a) and \(b) are \(angstrom(distance)) apart, closer than \(angstrom(limit))"
        case .fragment(let atoms):
            "\(atoms.prefix(8).map(\.description).joined(separator: ", "))"
                + (atoms.count > 8 ? " and \(atoms.count - 8) more" : "")
                + (atoms.count == 1 ? " has" : " have") + " come off the rest"
        case .displaced(let atom, let distance, let limit):
            "atom \(atom) has moved by \(angstrom(distance)), further than \(angstrom(limit))"
        }
    }
}

/// Two decimals: `1.23 Å`.
private func angstrom(_ length: Double) -> String {
    let hundredths = Int((length * 100).rounded())
    let cents = hundredths % 100
    return "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents) Å"
}

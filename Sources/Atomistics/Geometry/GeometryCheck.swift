/// Checks of a structure before an expensive computation.
public struct GeometryCheck: Sendable, Equatable, Codable {
    /// Two atoms closer than this fraction of the sum of their covalent radii are a clash.
    public var clashFraction = 0.6
    /// Two atoms closer than this fraction of the sum of their covalent radii are bonded. Atoms that no chain of bonds
    /// connects are in different fragments.
    public var bondFraction = 1.3
    /// The largest accepted displacement of an atom after superposition of both structures, Å.
    public var maxDisplacement = 3.0

    /// Largest number of clashes that are listed.
    public static let clashesNamed = 1000

    public init() {}

    /// Returns the problems of a structure; an empty list if there are none.
    ///
    /// - Parameters:
    ///   - atoms: the structure.
    ///   - reference: the structure from which it was made, with its atoms in the same order. More fragments than in
    ///     the reference, or an atom displaced too far, are problems; without a reference, neither is checked.
    ///     Molecules are superposed; in a periodic structure nearest images are compared.
    /// - Complexity: O(N).
    public func problems(in atoms: Atoms, comparedWith reference: Atoms? = nil) -> [GeometryProblem] {
        do {
            var problems = try clashes(in: atoms)
            if let reference {
                problems += try fragmentsLost(from: reference, in: atoms)
                let placed = try Superposition(of: atoms, on: reference)
                for (i, distance) in placed.distances.enumerated() where !(distance <= maxDisplacement) {
                    problems.append(
                        .displaced(label(of: i, in: atoms), distance: distance, limit: maxDisplacement))
                }
            }
            return problems
        } catch .notFinite {
            let notFinite = atoms.positions.indices.filter { !atoms.positions[$0].squaredLength.isFinite }
            guard !notFinite.isEmpty else {
                return [.unusable("the reference has a coordinate that is not a number")]
            }
            return notFinite.map { .notFinite(label(of: $0, in: atoms)) }
        } catch {
            return [.unusable(error.description)]
        }
    }

    private func clashes(in atoms: Atoms) throws(StructureError) -> [GeometryProblem] {
        var problems: [GeometryProblem] = []
        try forEachPair(in: atoms, fraction: clashFraction) { i, j, distance, limit in
            guard problems.count < Self.clashesNamed else { return }
            problems.append(
                .clash(
                    label(of: i, in: atoms), label(of: j, in: atoms), distance: distance, limit: limit))
        }
        return problems
    }

    /// Returns the pieces into which fragments of the reference have fallen apart, without the largest piece of each
    /// fragment.
    private func fragmentsLost(
        from reference: Atoms, in atoms: Atoms
    ) throws(StructureError) -> [GeometryProblem] {
        guard reference.count == atoms.count else {
            throw .differentAtoms("\(atoms.count) and \(reference.count) atoms")
        }
        let before = try fragments(of: reference)
        let now = try fragments(of: atoms)
        guard now.count > before.count else { return [] }
        return before.flatMap { whole in
            now.map(whole.intersection).filter { !$0.isEmpty }.enumerated()
                .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
                .dropFirst()
                .map { .fragment($0.element.sorted().map { label(of: $0, in: atoms) }) }
        }
    }

    /// Returns the connected components of the bonds, as sets of atom indices, ordered by their
    /// lowest index.
    private func fragments(of atoms: Atoms) throws(StructureError) -> [Set<Int>] {
        var parent = Array(0..<atoms.count)
        func root(_ i: Int) -> Int {
            var i = i
            while parent[i] != i {
                parent[i] = parent[parent[i]]
                i = parent[i]
            }
            return i
        }
        try forEachPair(in: atoms, fraction: bondFraction) { i, j, _, _ in
            let (a, b) = (root(i), root(j))
            parent[max(a, b)] = min(a, b)
        }
        return Dictionary(grouping: 0..<atoms.count, by: root).sorted { $0.key < $1.key }
            .map { Set($0.value) }
    }

    /// Calls `body` for pairs i < j that are closer than `fraction` times the sum of their covalent radii.
    private func forEachPair(
        in atoms: Atoms, fraction: Double, _ body: (Int, Int, Double, Double) -> Void
    ) throws(StructureError) {
        let radii = atoms.elements.map { $0.covalentRadius ?? 1.5 }
        guard let largest = radii.max(), fraction > 0 else { return }
        let neighbors = try NeighborList(atoms, cutoff: 2 * largest * fraction)
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

/// An atom's name in messages: `S 12`, 0-based.
public struct AtomLabel: Sendable, Hashable, CustomStringConvertible {
    public let index: Int
    public let element: Element

    public var description: String { "\(element.symbol) \(index)" }
}

/// A reason for refusing a structure.
public enum GeometryProblem: Sendable, Equatable, CustomStringConvertible {
    case notFinite(AtomLabel)
    case clash(AtomLabel, AtomLabel, distance: Double, limit: Double)
    /// These atoms have lost all bonds to their fragment.
    case fragment([AtomLabel])
    case displaced(AtomLabel, distance: Double, limit: Double)
    /// Distances cannot be computed, or the structure and the reference have different atoms.
    case unusable(String)

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
        case .unusable(let reason): reason
        }
    }
}

extension GeometryProblem {
    /// Describes problems in sentences, grouped by kind: the first three of a kind are named, the rest are counted by
    /// element.
    public static func summaries(of problems: [GeometryProblem]) -> [String] {
        var (lost, moved, clashes, rest) = (
            [[AtomLabel]](), [(atom: AtomLabel, distance: Double, limit: Double)](), [GeometryProblem](),
            [GeometryProblem]()
        )
        for problem in problems {
            switch problem {
            case .fragment(let atoms): lost.append(atoms)
            case .displaced(let atom, let distance, let limit): moved.append((atom, distance, limit))
            case .clash: clashes.append(problem)
            case .notFinite, .unusable: rest.append(problem)
            }
        }
        var sentences = rest.prefix(3).map(\.description)
        if rest.count > 3 { sentences.append("\(rest.count - 3) more of that kind") }
        if lost.count > 1 {
            let atoms = lost.flatMap(\.self)
            sentences.append(
                "\(counted(atoms)) have come off the rest in \(lost.count) fragments ("
                    + named(
                        lost.map {
                            $0.prefix(4).map(\.description).joined(separator: ", ")
                                + ($0.count > 4 ? ", …" : "")
                        })
                    + ")")
        } else {
            sentences += lost.map { GeometryProblem.fragment($0).description }
        }
        if clashes.count > 3 {
            sentences.append("\(clashes.count) pairs are too close: " + named(clashes.map(\.description)))
        } else {
            sentences += clashes.map(\.description)
        }
        if moved.count > 3, let limit = moved.first?.limit {
            let furthest = moved.sorted { $1.distance < $0.distance }
            sentences.append(
                "\(counted(moved.map(\.atom))) have moved further than \(angstrom(limit)) ("
                    + named(furthest.map { "\($0.atom) by \(angstrom($0.distance))" }) + ")")
        } else {
            sentences += moved.map {
                GeometryProblem.displaced($0.atom, distance: $0.distance, limit: $0.limit).description
            }
        }
        return sentences
    }

    /// Counts atoms by element: `88 C and 90 H atoms`.
    private static func counted(_ atoms: [AtomLabel]) -> String {
        let counts = Dictionary(atoms.map { ($0.element, 1) }, uniquingKeysWith: +)
            .sorted { ($1.key.atomicNumber) < ($0.key.atomicNumber) }.map { "\($0.value) \($0.key.symbol)" }
        let list =
            counts.count > 1
            ? counts.dropLast().joined(separator: ", ") + " and " + counts[counts.count - 1] : counts.joined()
        return "\(list) \(atoms.count == 1 ? "atom" : "atoms")"
    }

    private static func named(_ texts: [String]) -> String {
        texts.prefix(3).joined(separator: "; ") + (texts.count > 3 ? "; and \(texts.count - 3) more" : "")
    }
}

/// Formats a length with two decimals: `1.23 Å`.
private func angstrom(_ length: Double) -> String {
    guard abs(length) < 1e12 else { return "\(length) Å" }
    let hundredths = Int((length * 100).rounded())
    let cents = hundredths % 100
    return "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents) Å"
}

extension Atoms {
    /// Returns the indices of carbon atoms that seem to lack hydrogen, as in structures from X-ray diffraction.
    ///
    /// A carbon atom counts if it has three neighbours and no bond as short as a double bond (1.42 Å), or fewer
    /// neighbours and no bond as short as a triple bond (1.30 Å). Neighbours are closer than 1.25 times the sum of
    /// the covalent radii.
    ///
    /// - Throws: ``StructureError``.
    public func carbonsWithoutHydrogen() throws(StructureError) -> [Int] {
        let carbons = elements.indices.filter { elements[$0] == .carbon }
        let largest = elements.compactMap(\.covalentRadius).max() ?? 0
        guard !carbons.isEmpty, let radius = Element.carbon.covalentRadius else { return [] }
        let neighbors = try NeighborList(self, cutoff: 1.25 * (radius + largest))
        return carbons.filter { i in
            var (count, shortest) = (0, Double.infinity)
            for slot in neighbors.range(of: i) {
                let other = elements[neighbors.indices[slot]]
                let distance = neighbors.squaredDistances[slot].squareRoot()
                guard distance < 1.25 * (radius + (other.covalentRadius ?? 1.5)) else { continue }
                count += 1
                if other != .hydrogen { shortest = min(shortest, distance) }
            }
            return count < 3 && shortest > 1.30 || count == 3 && shortest > 1.42
        }
    }
}

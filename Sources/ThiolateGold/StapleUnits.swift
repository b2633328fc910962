public import Atomistics

/// The protecting units: the connected fragments that remain without the core gold, RS–(Au–SR)ₙ.
///
/// Two atoms are connected within 1.2 times the sum of their covalent radii, but two gold atoms are never connected.
/// Core gold is defined by ``Classification``.
public struct StapleUnits: Sendable, Equatable {
    /// Ascending indices of each unit's atoms; the units are ordered by their first atoms.
    public let units: [[Int]]
    /// For each unit, the ascending indices of the core gold atoms that are bonded to its sulfur atoms.
    public let anchors: [[Int]]

    static let bondFraction = 1.2

    /// - Throws: `StructureError` for a structure that is too dense to list its neighbours.
    public init(_ atoms: Atoms) throws(StructureError) {
        let isCore = atoms.coreGold
        let neighbors = try NeighborList(atoms, cutoff: 3.6)
        func areBound(_ i: Int, _ entry: Int) -> Bool {
            let j = neighbors.indices[entry]
            guard atoms.elements[i] != .gold || atoms.elements[j] != .gold,
                let a = atoms.elements[i].covalentRadius, let b = atoms.elements[j].covalentRadius
            else { return false }
            let limit = Self.bondFraction * (a + b)
            return neighbors.squaredDistances[entry] <= limit * limit
        }
        var unit = [Int?](repeating: nil, count: atoms.count)
        var units: [[Int]] = []
        var anchors: [Set<Int>] = []
        for first in 0..<atoms.count where !isCore[first] && unit[first] == nil {
            unit[first] = units.count
            var members = [first]
            var next = 0
            var bound: Set<Int> = []
            while next < members.count {
                let i = members[next]
                next += 1
                for entry in neighbors.range(of: i) where areBound(i, entry) {
                    let j = neighbors.indices[entry]
                    if isCore[j] {
                        bound.insert(j)
                    } else if unit[j] == nil {
                        unit[j] = units.count
                        members.append(j)
                    }
                }
            }
            units.append(members.sorted())
            anchors.append(bound)
        }
        self.units = units
        self.anchors = anchors.map { $0.sorted() }
    }
}

extension Atoms {
    /// True for each atom of core gold, also in structures with elements that ``Classification`` does not know.
    public var coreGold: [Bool] {
        let known: Set<Element> = [.hydrogen, .carbon, .sulfur, .gold]
        let places = (0..<count).filter { known.contains(elements[$0]) }
        let part = Atoms(elements: places.map { elements[$0] }, positions: places.map { positions[$0] })
        var isCore = [Bool](repeating: false, count: count)
        for (place, kind) in zip(places, Classification(part).classes) { isCore[place] = kind == .coreGold }
        return isCore
    }

    /// The name of each atom's class; nil for an atom whose element ``Classification`` does not know.
    public var classNames: [String?] {
        let isCore = coreGold
        return (0..<count).map { i in
            switch elements[i] {
            case .gold: (isCore[i] ? AtomClass.coreGold : .unitGold).rawValue
            default: AtomClass(rawValue: elements[i].symbol)?.rawValue
            }
        }
    }

    /// Returns the structure with a unit moved rigidly away from the centre of the gold, and with a ``moveMask`` that
    /// frees the unit and its anchors.
    ///
    /// - Parameters:
    ///   - unit: index of the unit.
    ///   - staples: the units of this structure.
    ///   - distance: length of the move, Å.
    public func pulling(unit: Int, of staples: StapleUnits, by distance: Double) -> Atoms {
        var result = self
        let gold = positions.indices.filter { elements[$0] == .gold }.map { positions[$0] }
        let members = staples.units[unit]
        let middle = gold.reduce(.zero, +) / Double(max(1, gold.count))
        let outward = members.map { positions[$0] }.reduce(.zero, +) / Double(members.count) - middle
        let shift = outward.length > 0 ? outward * (distance / outward.length) : SIMD3(0, 0, distance)
        for i in members { result.positions[i] += shift }
        let free = Set(members + staples.anchors[unit])
        result.moveMask = (0..<count).map(free.contains)
        return result
    }
}

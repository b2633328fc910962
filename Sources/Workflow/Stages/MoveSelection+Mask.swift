public import Atomistics
public import JobSpec
import ThiolateGold

extension MoveSelection {
    /// True for each atom of the structure that may move; nil where all may.
    ///
    /// - Throws: where a unit is asked for that is not there, or the structure is too dense to find any.
    public func mask(for atoms: Atoms) throws -> [Bool]? {
        switch self {
        case .all: return nil
        case .mask: return atoms.moveMask
        case .indices(let indices): return Self.mask(Set(indices), atoms.count)
        case .shell: return atoms.coreGold.map { !$0 }
        case .core: return atoms.coreGold
        case .any(let lists):
            var chosen = Set(lists.indices)
            let (elements, classes) = (Set(lists.elements), Set(lists.classes))
            let names = classes.isEmpty ? [] : atoms.classNames
            for i in 0..<atoms.count {
                if elements.contains(atoms.elements[i].symbol) { chosen.insert(i) }
                if let name = names.isEmpty ? nil : names[i], classes.contains(name) { chosen.insert(i) }
            }
            if !lists.units.isEmpty {
                let units = try StapleUnits(atoms).units
                for number in lists.units {
                    guard units.indices.contains(number) else {
                        throw StageFailure(
                            "there is no unit \(number): the structure has \(units.count), counted from 0")
                    }
                    chosen.formUnion(units[number])
                }
            }
            return Self.mask(chosen, atoms.count)
        }
    }

    /// Coordinates that keep their values although their atom moves, 3 · atom + axis: what the structure's own
    /// `move_mask` fixes of them.
    func fixedCoordinates(of atoms: Atoms) -> [Int] { self == .mask ? atoms.fixedCoordinates : [] }

    private static func mask(_ chosen: Set<Int>, _ count: Int) -> [Bool] { (0..<count).map(chosen.contains) }
}

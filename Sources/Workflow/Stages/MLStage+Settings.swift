public import Atomistics
public import JobSpec
public import Relaxation
import ThiolateGold

extension MLStage {
    /// Returns the optimiser's settings for a structure. The stage must have been completed by
    /// ``completed(forEnergies:atoms:)``.
    ///
    /// - Throws: errors of ``JobSpec/MoveSelection/mask(for:)``, and an error if no atom may move.
    public func settings(for atoms: Atoms) throws -> RelaxationSettings {
        var settings = relaxation
        settings.movable = try move.mask(for: atoms)
        // Coordinates fixed by the structure stay fixed in every part of an alternation.
        settings.fixedCoordinates =
            ([move] + alternate.map(\.move)).lazy.map { $0.fixedCoordinates(of: atoms) }
            .first { !$0.isEmpty } ?? []
        if !alternate.isEmpty {
            let fixed = try move.fixed?.mask(for: atoms)
            settings.alternation = Alternation(
                segments: try alternate.map { segment in
                    var movable =
                        try segment.move.mask(for: atoms) ?? [Bool](repeating: true, count: atoms.count)
                    if let fixed { movable = zip(movable, fixed).map { $0 && !$1 } }
                    return .init(movable: movable, steps: segment.steps)
                }, rounds: rounds)
        }
        settings.stops.stagnation = stopAfterStagnation == 0 ? nil : stopAfterStagnation
        if let optimizer { settings.optimizer = optimizer }
        settings.keepsBonds = !allowBondChanges
        if let keep { settings.keep = keep }
        if let problem = settings.problem(atoms: atoms.count) { throw StageFailure(problem) }
        return settings
    }
}

extension RelaxationStatus {
    /// Whether the goal is reached: convergence, or forces below their expected error if that was
    /// requested.
    public var isSatisfied: Bool {
        switch self {
        case .converged, .stopped(.belowUncertainty): true
        default: false
        }
    }
}

extension MoveSelection {
    /// Returns a value for each atom of the structure: true if the atom may move. Nil if all atoms may move.
    ///
    /// - Throws: an error if a requested unit does not exist, or if the structure is too dense to
    ///   find units.
    public func mask(for atoms: Atoms) throws -> [Bool]? {
        switch self {
        case .all: return nil
        case .mask: return atoms.moveMask
        case .indices(let indices): return Self.mask(Set(indices), atoms.count)
        case .shell: return atoms.coreGold.map { !$0 }
        case .core: return atoms.coreGold
        case .any(let lists): return try lists.mask(for: atoms)
        case .excluding(let base, let lists):
            let moving = try base.mask(for: atoms) ?? [Bool](repeating: true, count: atoms.count)
            return zip(moving, try lists.mask(for: atoms)).map { $0 && !$1 }
        }
    }

    /// Returns the coordinates, 3 · atom + axis, that the structure's `move_mask` fixes although their atom
    /// moves.
    func fixedCoordinates(of atoms: Atoms) -> [Int] {
        guard base == .mask else { return [] }
        guard let mask = (try? mask(for: atoms)) ?? nil else { return atoms.fixedCoordinates }
        return atoms.fixedCoordinates.filter { mask[$0 / 3] }
    }

    fileprivate static func mask(_ chosen: Set<Int>, _ count: Int) -> [Bool] {
        (0..<count).map(chosen.contains)
    }
}

extension AtomLists {
    /// Returns a value for each atom of the structure: true if one of the lists names the atom.
    ///
    /// - Throws: an error if a requested unit does not exist, or if the structure is too dense to
    ///   find units.
    func mask(for atoms: Atoms) throws -> [Bool] {
        var chosen = Set(indices)
        let (elements, classes) = (Set(elements), Set(classes))
        let names = classes.isEmpty ? [] : atoms.classNames
        for i in 0..<atoms.count {
            if elements.contains(atoms.elements[i].symbol) { chosen.insert(i) }
            if let name = names.isEmpty ? nil : names[i], classes.contains(name) { chosen.insert(i) }
            if let below, atoms.positions[i].z < below { chosen.insert(i) }
        }
        if !units.isEmpty {
            let found = try StapleUnits(atoms).units
            for number in units {
                guard found.indices.contains(number) else {
                    throw StageFailure(
                        "there is no unit \(number): the structure has \(counted(found.count, "unit")), "
                            + "counted from 0")
                }
                chosen.formUnion(found[number])
            }
        }
        return MoveSelection.mask(chosen, atoms.count)
    }
}

public import Atomistics
public import JobSpec
public import Relaxation

extension MLStage {
    /// How the optimiser is to do this stage, which is complete (``completed(forEnergies:)``), on this structure.
    ///
    /// - Throws: what ``JobSpec/MoveSelection/mask(for:)`` throws, and where no atom may move.
    public func settings(for atoms: Atoms) throws -> RelaxationSettings {
        var settings = relaxation
        settings.movable = try move.mask(for: atoms)
        // What a structure fixes stays so in whichever part of an alternation it is named.
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
        settings.keepsBonds = !allowBondChanges
        settings.keep = keep ?? .smallestFmax
        if let problem = settings.problem(atoms: atoms.count) { throw StageFailure(problem) }
        return settings
    }
}

extension RelaxationStatus {
    /// Whether it has come to what was asked for: converged, or as far as its model can see where that was asked
    /// for.
    public var isSatisfied: Bool {
        switch self {
        case .converged, .stopped(.belowUncertainty): true
        default: false
        }
    }
}

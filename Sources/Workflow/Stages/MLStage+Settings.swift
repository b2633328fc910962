public import Atomistics
public import JobSpec
public import Relaxation

extension MLStage {
    /// The optimiser's settings for this complete stage (``completed(forEnergies:atoms:)``) and
    /// structure.
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

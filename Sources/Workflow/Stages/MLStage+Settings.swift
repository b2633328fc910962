public import Atomistics
import Handoff
public import JobSpec
public import Relaxation

extension MLStage {
    /// How the optimiser is to do this stage, which is complete (``completed(forEnergies:)``), on this structure.
    ///
    /// - Throws: what ``JobSpec/MoveSelection/mask(for:)`` throws, and where no atom may move.
    public func settings(for atoms: Atoms) throws -> RelaxationSettings {
        var settings = RelaxationSettings()
        settings.optimizer = OptimizerKind(optimizer)
        (settings.fmax, settings.maxSteps, settings.maxStep) = (fmax, maxSteps, maxStep)
        settings.movable = try move.mask(for: atoms)
        // What a structure fixes stays so in whichever part of an alternation it is named.
        settings.fixedCoordinates =
            ([move] + alternate.map(\.move)).lazy.map { $0.fixedCoordinates(of: atoms) }
            .first { !$0.isEmpty } ?? []
        switch startHessian {
        case .unit: settings.startHessian = .unit(70)
        case .model: settings.startHessian = .model(floor: HandoffRequest.Options().hessianFloor)
        }
        settings.resetEvery = resetHessianEvery
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
        settings.atSwitch = Relaxation.SwitchTreatment(atSwitch)
        settings.stops.belowUncertainty = stopBelowUncertainty
        settings.stops.stagnation = stopAfterStagnation == 0 ? nil : stopAfterStagnation
        settings.stops.cycle = stopAtCycle
        settings.trustedError = trustedError
        settings.freezesOutOfDomain = freezeUnknown
        settings.keepsBonds = true
        settings.removesNetForce = removeNetForce
        settings.removesNetTorque = removeNetTorque
        switch keep {
        case .last, .smallestFmax, nil: settings.best = .smallestFmax
        case .smallestRMSForce: settings.best = .smallestRMSForce
        case .lowestEnergy: settings.best = .lowestEnergy
        }
        // Whether it is the best frame that is kept at all: ``kept(of:)``.
        if let problem = settings.problem(atoms: atoms.count) { throw StageFailure(problem) }
        return settings
    }
}

extension MLStage {
    /// The frame that the stage ends with; nil before the first.
    public func kept(of relaxer: Relaxer) -> RelaxationFrame? {
        if case .stopped(.bondsChanged) = relaxer.status { return relaxer.best }
        return relaxer.status == .converged || keep == .last ? relaxer.current : relaxer.best
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

extension OptimizerKind {
    init(_ optimizer: MLStage.Optimizer) {
        switch optimizer {
        case .bfgs: self = .bfgs
        case .lbfgs: self = .lbfgs
        case .fire: self = .fire
        case .fire2: self = .fire2
        case .sqnm: self = .sqnm
        case .safeBFGS: self = .safeBFGS
        }
    }
}

extension SwitchTreatment {
    init(_ treatment: MLStage.SwitchTreatment) {
        switch treatment {
        case .literal: self = .literal
        case .maskedSecant: self = .maskedSecant
        case .reset: self = .reset
        }
    }
}

/// The settings of a relaxation, in Å and eV/Å. The defaults of ``optimizer``, ``fmax``, ``maxSteps`` and ``maxStep``
/// are the paper's; every other option is off by default.
public struct RelaxationSettings: Sendable, Equatable, Codable {
    public var optimizer: OptimizerKind = .bfgs
    /// The relaxation is converged when the largest force norm of a moving atom is below this, eV/Å.
    public var fmax = 0.1
    public var maxSteps = 200
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.1
    /// True for each atom that may move; nil if all may.
    public var movable: [Bool]?
    /// Coordinates that keep their values although their atom moves, 3 · atom + axis.
    public var fixedCoordinates: [Int] = []

    /// Initial Hessian of ``OptimizerKind/bfgs`` and ``OptimizerKind/safeBFGS``; the other methods do not use it.
    public var startHessian = StartHessian.unit
    /// Hessian that ``StartHessian/model`` uses instead of the model's own one, for all atoms: 3N×3N, row-major, eV/Å².
    /// Nil means the model's own Hessian.
    public var givenHessian: [Double]?
    /// Smallest curvature of the initial Hessian with ``StartHessian/model``, eV/Å²: smaller absolute eigenvalues are
    /// raised to it.
    public var hessianFloor = StartHessian.smallestCurvature
    /// Parts of the structure that move in turn. Nil means that all movable atoms move together.
    public var alternation: Alternation?
    /// The part of its history that an optimiser keeps when other atoms begin to move.
    public var atSwitch = SwitchTreatment.maskedSecant
    /// Number of steps after which the optimiser is reset. Nil means never.
    public var resetEvery: Int?

    /// Whether to subtract the mean force, Σ F_i / N, from every force. Has an effect only if every atom moves.
    public var removesNetForce = false
    /// Whether to subtract the forces of a rigid rotation about the centroid. Has an effect only if every atom moves
    /// and no direction is periodic.
    public var removesNetTorque = false

    public var stops = RelaxationStops()
    /// An atom whose expected force error u is above this limit, eV/Å, moves at most `maxStep` · limit/u in one step.
    /// Nil means no such restriction. Without effect if the model gives no uncertainty.
    public var trustedError: Double?
    /// Whether an atom is fixed while it is out of domain; it then affects neither the optimiser
    /// nor the convergence.
    public var freezesOutOfDomain = false
    /// Whether the relaxation stops if an initial bond between non-metal atoms breaks, or if such a bond forms
    /// (`BondWatch`); ``Relaxer/best`` is then an earlier frame.
    public var keepsBonds = false
    /// The criterion for ``Relaxer/best``, and for ``Relaxer/kept`` if the relaxation does not converge.
    public var keep = KeptFrame.smallestFmax

    public init() {}
}

/// The matrix with which a BFGS method begins, at the start and after each reset.
public enum StartHessian: String, Sendable, Equatable, Codable, CaseIterable {
    /// 70 eV/Å² times the unit matrix, as in ASE.
    case unit
    /// The model's own Hessian at the initial structure, with absolute eigenvalues of at least
    /// ``RelaxationSettings/hessianFloor``; ``unit`` if the model has no Hessian.
    case model

    /// The curvature of ``unit``, eV/Å².
    static let unitCurvature = 70.0

    /// The default of ``RelaxationSettings/hessianFloor``, eV/Å². Below about 0.5 the optimiser leaves the basin, and
    /// from 8 on it has to learn the soft modes again (docs/hand-off.md).
    public static let smallestCurvature = 2.0
}

/// Parts of a structure that move in turn: `rounds` times through `segments`.
///
/// A segment ends after its number of steps, or as soon as its own atoms are converged. The relaxation is converged
/// when the atoms of all segments are. The end of the last round counts as reaching the allowed number of steps.
public struct Alternation: Sendable, Equatable, Codable {
    public var segments: [Segment]
    public var rounds: Int

    public struct Segment: Sendable, Equatable, Codable {
        /// True for each atom that moves; ``RelaxationSettings/movable`` also applies.
        public var movable: [Bool]
        public var steps: Int

        public init(movable: [Bool], steps: Int) { (self.movable, self.steps) = (movable, steps) }
    }

    public init(segments: [Segment], rounds: Int) { (self.segments, self.rounds) = (segments, rounds) }
}

/// The treatment of the curvature learnt so far when a relaxation switches to other moving atoms.
public enum SwitchTreatment: String, Sendable, Equatable, Codable, CaseIterable {
    /// As in an ASE optimiser whose constraints change: the change of the masked forces across the switch counts as
    /// curvature, although most of it is caused by the change of the mask.
    case literal
    /// Every step gives curvature only for the atoms that moved in it, so each segment keeps its own block of the
    /// matrix. Methods with a velocity start from rest.
    case maskedSecant = "masked-secant"
    /// The optimiser forgets everything it has learnt.
    case reset
}

/// Criteria for ending a relaxation before convergence, based on the limits of its model. All are off by default.
public struct RelaxationStops: Sendable, Equatable, Codable {
    /// Stop when |F_i| < k u_i for every moving atom, where k is this number and u_i is the model's expected error:
    /// smaller forces cannot be resolved. Without effect if the model gives no uncertainty.
    public var belowUncertainty: Double?
    /// Stop after this number of steps without progress. Progress means that the largest or the root mean square force
    /// falls one percent below its smallest value so far, or that the energy, if there is one, falls 1 meV below its
    /// lowest value.
    public var stagnation: Int?
    /// Stop when a cycle of at most this number of steps was repeated twice without progress: each position is the same
    /// as one period before, within two percent of the cycle's longest step.
    public var cycle: Int?

    public init() {}
}

/// The frame that a relaxation returns if it does not converge.
public enum KeptFrame: String, Sendable, Equatable, Codable, CaseIterable {
    case last
    case smallestFmax = "smallest-fmax"
    case smallestRMSForce = "smallest-rms-force"
    /// The frame with the lowest energy of the model, or with the smallest root mean square force if the model has no
    /// energy.
    case lowestEnergy = "lowest-energy"
}

extension RelaxationSettings {
    /// Returns the reason why these settings are invalid for a structure of `count` atoms; nil if they are valid.
    public func problem(atoms count: Int) -> String? {
        guard fmax > 0, maxStep > 0, fmax.isFinite, maxStep.isFinite else {
            return "fmax and the largest step must be positive"
        }
        guard maxSteps >= 0 else { return "the number of steps must not be negative" }
        for mask in [movable].compactMap({ $0 }) + (alternation?.segments.map(\.movable) ?? []) {
            guard mask.count == count else { return "a mask must have one value per atom" }
        }
        if let alternation {
            guard !alternation.segments.isEmpty, alternation.rounds > 0,
                alternation.segments.allSatisfy({ $0.steps > 0 })
            else { return "an alternation must have segments with steps, and rounds" }
        }
        guard movingAtoms(of: count).contains(true) else { return "at least one atom must be able to move" }
        guard fixedCoordinates.allSatisfy({ 0..<3 * count ~= $0 }) else {
            return "a fixed coordinate is not one of the structure's 3N coordinates"
        }
        for limit in [resetEvery, stops.stagnation, stops.cycle].compactMap({ $0 }) where limit < 1 {
            return "numbers of steps must be positive"
        }
        for limit in [trustedError, stops.belowUncertainty].compactMap({ $0 }) where !(limit > 0) {
            return "limits of uncertainty must be positive"
        }
        guard hessianFloor > 0 else {
            return "the smallest curvature of the initial Hessian must be positive"
        }
        if let givenHessian, givenHessian.count != 9 * count * count {
            return "a Hessian must have 3N × 3N values"
        }
        return nil
    }

    /// Returns true for each atom that may move in some segment, or in the whole relaxation without alternation.
    func movingAtoms(of count: Int) -> [Bool] {
        (0..<count).map { i in
            (movable?[i] ?? true) && (alternation?.segments.contains { $0.movable[i] } ?? true)
        }
    }
}

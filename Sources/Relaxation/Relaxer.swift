public import Atomistics
import LinearAlgebra

/// Moves atoms downhill along the forces of a model that may have no energy: a step at a time, so that its
/// owner may write, stop and go on.
///
/// A relaxation that was interrupted goes on from its own trajectory, ``replay(_:_:)``: the next step is bit for
/// bit the one that an uninterrupted run would have taken.
public struct Relaxer: Sendable {
    public let settings: RelaxationSettings
    /// What the relaxation began with.
    public let initial: Atoms
    public let forceField: any ForceField
    /// Indices of the atoms that may move at any time; what an optimiser's vectors run over.
    let active: [Int]
    /// ``RelaxationSettings/fixedCoordinates``.
    let fixed: Set<Int>
    /// Nil where bonds may change, or where the structure is one whose bonds cannot be found.
    let bonds: BondWatch?
    var state = RelaxationState()

    /// - Precondition: settings without a ``RelaxationSettings/problem(atoms:)``.
    public init(_ atoms: Atoms, forceField: any ForceField, settings: RelaxationSettings) {
        let problem = settings.problem(atoms: atoms.count)
        precondition(problem == nil, problem ?? "")
        initial = atoms
        let moving = settings.movingAtoms(of: atoms.count)
        active = moving.indices.filter { moving[$0] }
        fixed = Set(settings.fixedCoordinates)
        bonds = settings.keepsBonds ? try? BondWatch(atoms) : nil
        self.forceField = forceField
        self.settings = settings
    }

    public var status: RelaxationStatus { state.status }
    /// The frame that was reached last; nil before the first evaluation.
    public var current: RelaxationFrame? { state.current }
    /// The best frame so far by ``RelaxationSettings/keep``; by the largest force where that is the last one.
    public var best: RelaxationFrame? { state.best }
    /// The frame that the relaxation ends with if it ends now; nil before the first.
    public var kept: RelaxationFrame? {
        if case .stopped(.bondsChanged) = status { return best }
        return status == .converged || settings.keep == .last ? current : best
    }
    /// Round and segment of the next step, from 0; nil where nothing alternates.
    public var place: (round: Int, segment: Int)? {
        settings.alternation.map { _ in (state.place.round, state.place.segment) }
    }

    /// The next frame: the first time of the structure as it is, then after one step of the optimiser.
    ///
    /// - Throws: what the force field throws, and ``RelaxationError``; the relaxer is as it was.
    /// - Precondition: ``status`` is `running`.
    @discardableResult
    public mutating func advance() throws -> RelaxationFrame {
        precondition(status == .running, "a relaxation that has ended takes no step")
        guard let current else {
            return try accept(initial, try forceField.predict(initial, following: nil), after: state)
        }
        var (next, optimizer, departure) = try departing(from: current)
        let displacement: [Double]
        do {
            displacement = try optimizer.displacement(departure.forces) {
                try forces(after: $0, from: current, departure)
            }
        } catch is LinearAlgebraError {
            throw RelaxationError.noStep(after: current.step)
        }
        guard displacement.allSatisfy(\.isFinite) else { throw RelaxationError.noStep(after: current.step) }
        next.optimizer = optimizer
        let atoms = moved(
            current.atoms, by: limited(displacement, by: current.prediction.uncertainty, departure))
        let prediction = try forceField.predict(atoms, following: current.prediction)
        return try accept(atoms, prediction, after: next)
    }

    /// Takes over a frame that an earlier process had reached, the next one after ``current``.
    ///
    /// - Throws: what the force field throws, for methods that evaluate more than one position a step or begin
    ///   with the model's Hessian; ``RelaxationError`` for a prediction that is not finite.
    /// - Precondition: ``status`` is `running`; a frame of the same structure.
    public mutating func replay(_ recorded: Atoms, _ prediction: ForcePrediction) throws {
        precondition(status == .running, "a relaxation that has ended takes no step")
        precondition(recorded.count == initial.count, "a frame of the same structure")
        var next = state
        if let current {
            let departing = try departing(from: current)
            var optimizer = departing.optimizer
            try optimizer.pass(departing.departure.forces) {
                try forces(after: $0, from: current, departing.departure)
            }
            next = departing.state
            next.optimizer = optimizer
        }
        var atoms = initial
        atoms.positions = recorded.positions
        try accept(atoms, prediction, after: next)
    }
}

/// All of a relaxation that changes.
struct RelaxationState: Sendable {
    var status = RelaxationStatus.running
    var current: RelaxationFrame?
    var best: RelaxationFrame?
    /// As it was when the last step had been taken; nil before the first.
    var optimizer: (any Optimizer)?
    var departure: Departure?
    var place = AlternationPlace()
    var progress = Progress()
}

/// From where a step was taken; coordinates of the active atoms.
struct Departure: Sendable {
    let x: [Double]
    /// Before atoms that do not move were masked, after rigid motions were taken off, eV/Å.
    let unmasked: [Double]
    /// True for each coordinate that moved.
    let isFree: [Bool]
    let segment: Int

    /// What the optimiser went by, eV/Å.
    var forces: [Double] { masked(unmasked) }

    /// `vector` with zeros for the coordinates that did not move.
    func masked(_ vector: [Double]) -> [Double] {
        vector.indices.map { isFree[$0] ? vector[$0] : 0 }
    }

    init(x: [Double], unmasked: [Double], isFree: [Bool], segment: Int) {
        (self.x, self.unmasked, self.isFree, self.segment) = (x, unmasked, isFree, segment)
    }
}

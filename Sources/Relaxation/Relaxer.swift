public import Atomistics
import LinearAlgebra

/// A relaxation along the forces of a model, which may have no energy. It takes one step at a time, so that the caller
/// can write results, stop and resume.
///
/// An interrupted relaxation resumes from its own trajectory with ``replay(_:_:)``: the next step
/// is bit for bit the same as in an uninterrupted run.
public struct Relaxer: Sendable {
    public let settings: RelaxationSettings
    /// The initial structure.
    public let initial: Atoms
    public let forceField: any ForceField
    /// Indices of the atoms that may move at any time; the vectors of an optimiser have the coordinates of these atoms.
    let active: [Int]
    /// The coordinates in ``RelaxationSettings/fixedCoordinates``.
    let fixed: Set<Int>
    /// Detects changes of the initial bonds; nil if bonds may change, or if the bonds of the structure cannot be
    /// determined.
    let bonds: BondWatch?
    var state = RelaxationState()

    /// - Precondition: the settings have no ``RelaxationSettings/problem(atoms:)``.
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
    /// The newest frame; nil before the first evaluation.
    public var current: RelaxationFrame? { state.current }
    /// The best frame so far by ``RelaxationSettings/keep``; by the largest force if that is ``KeptFrame/last``.
    public var best: RelaxationFrame? { state.best }
    /// The frame that would be the result if the relaxation ended now; nil before the first frame.
    public var kept: RelaxationFrame? {
        if case .stopped(.bondsChanged) = status { return best }
        return status == .converged || settings.keep == .last ? current : best
    }
    /// Round and segment of the next step, from 0; nil if the settings have no alternation.
    public var place: (round: Int, segment: Int)? {
        settings.alternation.map { _ in (state.place.round, state.place.segment) }
    }

    /// Returns the next frame: first the initial structure, later the result of one optimiser step.
    ///
    /// - Throws: errors of the force field, and ``RelaxationError``; the relaxer is then unchanged.
    /// - Precondition: ``status`` is `running`.
    @discardableResult
    public mutating func advance() throws -> RelaxationFrame {
        precondition(status == .running, "the relaxation has already ended")
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

    /// Adopts the frame after ``current`` that an earlier process reached.
    ///
    /// - Throws: errors of the force field, for methods that evaluate more than one position per
    ///   step or begin with the model's Hessian; ``RelaxationError`` for a prediction that is not
    ///   finite.
    /// - Precondition: ``status`` is `running`, and `recorded` is a frame of the same structure.
    public mutating func replay(_ recorded: Atoms, _ prediction: ForcePrediction) throws {
        precondition(status == .running, "the relaxation has already ended")
        precondition(recorded.count == initial.count, "the frame has the atoms of the initial structure")
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

/// The mutable state of a relaxation.
struct RelaxationState: Sendable {
    var status = RelaxationStatus.running
    var current: RelaxationFrame?
    var best: RelaxationFrame?
    /// The optimiser after the previous step; nil before the first step.
    var optimizer: (any Optimizer)?
    var departure: Departure?
    var place = AlternationPlace()
    var progress = Progress()
}

/// The start of a step, in coordinates of the active atoms.
struct Departure: Sendable {
    let x: [Double]
    /// Forces after the removal of rigid motions, before fixed atoms are masked, eV/Å.
    let unmasked: [Double]
    /// True for each coordinate that moved.
    let isFree: [Bool]
    let segment: Int

    /// The forces that the optimiser used, eV/Å.
    var forces: [Double] { masked(unmasked) }

    /// Returns `vector` with zeros for the coordinates that did not move.
    func masked(_ vector: [Double]) -> [Double] {
        vector.indices.map { isFree[$0] ? vector[$0] : 0 }
    }

    init(x: [Double], unmasked: [Double], isFree: [Bool], segment: Int) {
        (self.x, self.unmasked, self.isFree, self.segment) = (x, unmasked, isFree, segment)
    }
}

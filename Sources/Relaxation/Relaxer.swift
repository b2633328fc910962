public import Atomistics

/// How a relaxation is done.
public struct RelaxationSettings: Sendable, Equatable {
    public var optimizer: OptimizerKind = .bfgs
    /// Converged when the largest force norm of a moving atom is below this, eV/Å.
    public var fmax = 0.1
    public var maxSteps = 200
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.1
    /// True for each atom that may move; nil where all may.
    public var movable: [Bool]?

    public init() {}
}

/// Where a relaxation stands.
public enum RelaxationStatus: Sendable, Equatable {
    case running
    /// The largest force is below the criterion.
    case converged
    /// As many steps as were allowed.
    case stepLimit
}

/// One evaluated structure on the way.
public struct RelaxationFrame: Sendable {
    /// 0 for the structure that the relaxation began with.
    public let step: Int
    public let atoms: Atoms
    public let prediction: ForcePrediction
    /// Largest force norm of a moving atom, eV/Å.
    public let fmax: Double
}

/// Moves atoms downhill along the forces of a model that may have no energy: a step at a time, so that its
/// owner may write, stop and go on.
///
/// A relaxation that was interrupted goes on from its own trajectory: ``replay(_:)`` takes the frames that
/// were reached, and the next step is bit for bit the one that an uninterrupted run would have taken.
public struct Relaxer: Sendable {
    public let settings: RelaxationSettings
    public private(set) var status = RelaxationStatus.running
    /// The frame that was reached last; nil before the first evaluation.
    public private(set) var current: RelaxationFrame?
    private let initial: Atoms
    private let moving: [Int]
    private let forceField: any ForceField
    private var optimizer: any Optimizer

    /// - Precondition: positive fmax and maxStep; a mask of one value an atom that frees at least one.
    public init(_ atoms: Atoms, forceField: any ForceField, settings: RelaxationSettings) {
        precondition(settings.fmax > 0 && settings.maxStep > 0, "criteria are positive")
        precondition(settings.movable.map { $0.count == atoms.count } ?? true, "one value an atom")
        initial = atoms
        moving = atoms.positions.indices.filter { settings.movable?[$0] ?? true }
        precondition(!moving.isEmpty, "at least one atom moves")
        self.forceField = forceField
        self.settings = settings
        optimizer = settings.optimizer.make(maxStep: settings.maxStep, hessian: nil)
    }

    /// The next frame: the first time of the structure as it is, then after one step of the optimiser.
    ///
    /// - Throws: what the force field throws; the relaxer is as it was.
    /// - Precondition: ``status`` is `running`.
    @discardableResult
    public mutating func advance() throws -> RelaxationFrame {
        precondition(status == .running, "a relaxation that has ended takes no step")
        guard let current else { return accept(initial, try forceField.predict(initial), step: 0) }
        var next = optimizer
        let x = coordinates(of: current.atoms)
        let displacement = try next.step(x, forces(of: current)) { try forces(at: $0) }
        let atoms = moved(current.atoms, to: zip(x, displacement).map { $0 + $1 })
        let prediction = try forceField.predict(atoms)
        optimizer = next
        return accept(atoms, prediction, step: current.step + 1)
    }

    /// Takes over a frame that an earlier process had reached, the next one after ``current``.
    ///
    /// - Throws: what the force field throws, for methods that evaluate more than one position a step.
    public mutating func replay(_ recorded: Atoms, _ prediction: ForcePrediction) throws {
        precondition(status == .running, "a relaxation that has ended takes no step")
        precondition(recorded.count == initial.count, "a frame of the same structure")
        if let current {
            var next = optimizer
            try next.replay(coordinates(of: current.atoms), forces(of: current)) { try forces(at: $0) }
            optimizer = next
        }
        var atoms = initial
        atoms.positions = recorded.positions
        accept(atoms, prediction, step: current.map { $0.step + 1 } ?? 0)
    }

    @discardableResult
    private mutating func accept(
        _ atoms: Atoms, _ prediction: ForcePrediction, step: Int
    ) -> RelaxationFrame {
        let fmax = moving.reduce(0) { max($0, prediction.forces[$1].length) }
        let frame = RelaxationFrame(step: step, atoms: atoms, prediction: prediction, fmax: fmax)
        current = frame
        if fmax < settings.fmax {
            status = .converged
        } else if step >= settings.maxSteps {
            status = .stepLimit
        }
        return frame
    }

    private func coordinates(of atoms: Atoms) -> [Double] { flat(atoms.positions) }
    private func forces(of frame: RelaxationFrame) -> [Double] { flat(frame.prediction.forces) }

    private func forces(at x: [Double]) throws -> [Double] {
        flat(try forceField.predict(moved(initial, to: x)).forces)
    }

    private func flat(_ vectors: [SIMD3<Double>]) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(3 * moving.count)
        for i in moving { result += [vectors[i].x, vectors[i].y, vectors[i].z] }
        return result
    }

    private func moved(_ atoms: Atoms, to x: [Double]) -> Atoms {
        var atoms = atoms
        for (k, i) in moving.enumerated() {
            atoms.positions[i] = SIMD3(x[3 * k], x[3 * k + 1], x[3 * k + 2])
        }
        return atoms
    }
}

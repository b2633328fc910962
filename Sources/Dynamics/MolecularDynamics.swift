public import Atomistics
import Foundation
import LinearAlgebra

/// One step of a molecular dynamics run.
public struct DynamicsFrame: Sendable {
    public let step: Int
    public let atoms: Atoms
    /// Velocities, Å per unit of time of ``DynamicsUnits``.
    public let velocities: [SIMD3<Double>]
    public let prediction: ForcePrediction

    /// Kinetic energy Σ m v²/2 of the atoms that move, eV.
    public var kineticEnergy: Double {
        zip(atoms.elements, velocities).reduce(0) { $0 + $1.0.mass / 2 * $1.1.squaredLength }
    }
}

/// Molecular dynamics with the forces of a model or an engine, one step at a time.
///
/// The integrator is BAOAB; without friction it is velocity Verlet:
///
///     v += h/2 F/m,  r += h/2 v,  v = c v + √(1 − c²) √(k T/m) ξ,  r += h/2 v,  v += h/2 F/m,  c = e^(−γh)
///
/// Here h is the time step, γ the friction, T the temperature of the thermostat and m a mass. The random numbers ξ of a
/// step depend only on the seed and the number of the step, so a run that is resumed from one of its frames takes
/// exactly the same steps as an uninterrupted run.
///
/// - Source: Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34.
public struct MolecularDynamics: Sendable {
    public let settings: DynamicsSettings
    public let forceField: any ForceField
    public private(set) var current: DynamicsFrame
    /// False for each atom that keeps its position.
    private let moves: [Bool]

    /// Starts from Maxwell–Boltzmann velocities without net momentum, or from given velocities.
    ///
    /// - Parameters:
    ///   - atoms: the structure; atoms whose `moveMask` is false keep their positions.
    ///   - velocities: Å per unit of time of ``DynamicsUnits``. Nil means random velocities at the initial temperature.
    ///   - forceField: computes the forces.
    ///   - settings: time step, number of steps, thermostat and seed.
    /// - Throws: errors of the force field, and ``DynamicsError``.
    /// - Precondition: the settings have no ``DynamicsSettings/problem``; there is one velocity per atom.
    public init(
        _ atoms: Atoms, velocities: [SIMD3<Double>]? = nil, forceField: any ForceField,
        settings: DynamicsSettings
    ) throws {
        precondition(settings.problem == nil, settings.problem ?? "")
        self.settings = settings
        self.forceField = forceField
        let moves = atoms.moveMask ?? [Bool](repeating: true, count: atoms.count)
        self.moves = moves
        let bare = atoms.withoutLabels
        current = DynamicsFrame(
            step: 0, atoms: bare,
            velocities: velocities
                ?? Self.thermalVelocities(bare.elements, moves, settings.temperature, seed: settings.seed),
            prediction: try forceField.predict(bare))
        try Self.check(current.prediction, step: 0)
    }

    /// Resumes from a frame that an earlier process wrote.
    ///
    /// - Precondition: the settings have no ``DynamicsSettings/problem``; `frame` is a frame of a run with these
    ///   settings.
    public init(resuming frame: DynamicsFrame, forceField: any ForceField, settings: DynamicsSettings) {
        precondition(settings.problem == nil, settings.problem ?? "")
        self.settings = settings
        self.forceField = forceField
        moves = frame.atoms.moveMask ?? [Bool](repeating: true, count: frame.atoms.count)
        current = frame
    }

    public var isFinished: Bool { current.step >= settings.steps }

    /// Takes one step.
    ///
    /// - Throws: errors of the force field, and ``DynamicsError`` for forces that are not finite;
    ///   the run is then unchanged.
    /// - Complexity: one force evaluation.
    @discardableResult
    public mutating func advance() throws -> DynamicsFrame {
        let h = settings.timeStep / DynamicsUnits.femtosecondsPerTime
        let step = current.step + 1
        var atoms = current.atoms
        var velocities = current.velocities
        let masses = atoms.elements.map(\.mass)
        for i in velocities.indices where moves[i] {
            velocities[i] += (h / 2 / masses[i]) * current.prediction.forces[i]
            atoms.positions[i] += (h / 2) * velocities[i]
        }
        if settings.friction > 0 {
            let c = exp(-settings.friction * settings.timeStep / 1000)
            let thermal = DynamicsUnits.boltzmann * settings.temperature(at: step) * (1 - c * c)
            var random = SplitMix(seed: Self.seed(settings.seed, step: step))
            for i in velocities.indices {
                let xi = random.normalVector()
                guard moves[i] else { continue }
                velocities[i] = c * velocities[i] + (thermal / masses[i]).squareRoot() * xi
            }
        }
        for i in velocities.indices where moves[i] { atoms.positions[i] += (h / 2) * velocities[i] }
        let prediction = try forceField.predict(atoms, following: current.prediction)
        try Self.check(prediction, step: step)
        for i in velocities.indices where moves[i] {
            velocities[i] += (h / 2 / masses[i]) * prediction.forces[i]
        }
        current = DynamicsFrame(step: step, atoms: atoms, velocities: velocities, prediction: prediction)
        return current
    }

    /// The temperature of the moving atoms, 2 E_kin/(f k), K, where f counts three degrees of freedom per moving atom.
    public var temperature: Double {
        let freedom = 3 * moves.count { $0 }
        return freedom == 0 ? 0 : 2 * current.kineticEnergy / (Double(freedom) * DynamicsUnits.boltzmann)
    }

    private static func check(_ prediction: ForcePrediction, step: Int) throws(DynamicsError) {
        if let atom = prediction.forces.firstIndex(where: { !$0.isFinite }) {
            throw .forceNotFinite(atom: atom, step: step)
        }
    }

    /// Returns random velocities with a Maxwell–Boltzmann distribution, without net momentum if all atoms move.
    private static func thermalVelocities(
        _ elements: [Element], _ moves: [Bool], _ temperature: Double, seed: UInt64
    ) -> [SIMD3<Double>] {
        var random = SplitMix(seed: Self.seed(seed, step: 0))
        var velocities = elements.indices.map { i in
            let xi = random.normalVector()
            return moves[i]
                ? (DynamicsUnits.boltzmann * temperature / elements[i].mass).squareRoot() * xi : .zero
        }
        guard moves.count > 1, moves.allSatisfy({ $0 }) else { return velocities }
        let momentum = zip(elements, velocities).reduce(SIMD3<Double>.zero) { $0 + $1.0.mass * $1.1 }
        let mass = elements.reduce(0) { $0 + $1.mass }
        for i in velocities.indices { velocities[i] -= momentum / mass }
        return velocities
    }

    private static func seed(_ seed: UInt64, step: Int) -> UInt64 {
        var mixed = SplitMix(seed: seed ^ (UInt64(bitPattern: Int64(step)) &* 0xD1B5_4A32_D192_ED03))
        return mixed.next()
    }
}

/// The reason why a run cannot continue.
public enum DynamicsError: Error, Sendable, Equatable, CustomStringConvertible {
    case forceNotFinite(atom: Int, step: Int)

    public var description: String {
        switch self {
        case .forceNotFinite(let atom, let step):
            "the force on atom \(atom) is not a finite number at step \(step)"
        }
    }
}

extension SplitMix {
    /// Returns three independent standard normal numbers, by the method of Box and Muller.
    fileprivate mutating func normalVector() -> SIMD3<Double> {
        func pair() -> (Double, Double) {
            let radius = (-2 * log(Double.random(in: 0x1p-53...1, using: &self))).squareRoot()
            let angle = 2 * Double.pi * Double.random(in: 0..<1, using: &self)
            return (radius * cos(angle), radius * sin(angle))
        }
        let (first, second) = (pair(), pair())
        return [first.0, first.1, second.0]
    }
}

extension Atoms {
    /// The structure with only its elements, positions, cell and ``moveMask``.
    var withoutLabels: Atoms {
        var result = Atoms(elements: elements, positions: positions, cell: cell, periodicity: periodicity)
        result.moveMask = moveMask
        return result
    }
}

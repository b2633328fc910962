public import Atomistics
import OrderedCollections
import Relaxation

/// Names of the values that a trajectory of molecular dynamics has in addition to the prediction.
private enum Key {
    static let step = "step"
    static let time = "time_fs"
    static let temperature = "temperature_K"
    static let kineticEnergy = "kinetic_energy"
    static let settings = "dynamics"
    static let start = "dynamics_start"
    /// Column that ASE reads as momenta, in u Å per ASE's unit of time.
    static let momenta = "momenta"
    /// Column of the velocities from which a run resumes exactly, in Å per ASE's unit of time.
    static let velocities = "velocities"
}

extension MolecularDynamics {
    /// Returns the current frame for a trajectory: the prediction under the names of
    /// `Atoms.annotated(with:by:)`, `momenta` and `velocities` (units of ASE), `step`, `time_fs`,
    /// `temperature_K`, `kinetic_energy` (eV) and the settings.
    ///
    /// - Parameter start: digest of the structure from which the run started.
    public func annotated(start: String) -> Atoms {
        var atoms = current.atoms.annotated(with: current.prediction, by: forceField.provenance)
        atoms.columns[Key.momenta] = Column(
            vectors: zip(atoms.elements, current.velocities).map { $0.mass * $1 })
        atoms.columns[Key.velocities] = Column(vectors: current.velocities)
        atoms.info[Key.step] = .integer(current.step)
        atoms.info[Key.time] = .real(Double(current.step) * settings.timeStep)
        atoms.info[Key.temperature] = .real(temperature)
        atoms.info[Key.kineticEnergy] = .real(current.kineticEnergy)
        atoms.info[Key.settings] = .string(settings.identity)
        atoms.info[Key.start] = .string(start)
        return atoms
    }
}

extension DynamicsFrame {
    /// Reads a frame that ``MolecularDynamics/annotated(start:)`` wrote; returns nil if it does not belong to this run.
    public init?(
        _ atoms: Atoms, by provenance: ForceFieldProvenance, settings: DynamicsSettings, start: String
    ) {
        guard atoms.info[Key.settings] == .string(settings.identity), atoms.info[Key.start] == .string(start),
            case .integer(let step)? = atoms.info[Key.step],
            let prediction = atoms.prediction(by: provenance),
            let velocities = atoms.columns[Key.velocities]?.vectors,
            (velocities + atoms.positions + prediction.forces).allSatisfy(\.isFinite)
        else { return nil }
        self.init(
            step: step, atoms: atoms.withoutLabels, velocities: velocities, prediction: prediction)
    }
}

extension DynamicsSettings {
    /// The settings that determine the steps of a run, in one line.
    ///
    /// The number of steps is included only if the temperature changes, because a run at constant temperature may be
    /// extended.
    var identity: String {
        let ensemble = friction > 0 ? "langevin \(friction)/ps" : "nve"
        let ramp =
            temperature == finalTemperature || friction == 0
            ? "\(temperature) K" : "\(temperature) to \(finalTemperature) K in \(counted(steps, "step"))"
        return "\(ensemble), \(timeStep) fs, \(ramp), seed \(seed)"
    }
}

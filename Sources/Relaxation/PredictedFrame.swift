public import Atomistics
import OrderedCollections

/// Names under which a prediction is written; they differ from the names of calculated values.
enum PredictedKey {
    static let forces = "ml_forces"
    static let classes = "ml_class"
    static let uncertainty = "ml_uncertainty"
    static let outOfDomain = "ml_out_of_domain"
    static let energy = "ml_energy"
    static let energyUncertainty = "ml_energy_uncertainty"
    static let fmax = "ml_fmax"
    static let step = "step"
}

extension Atoms {
    /// Returns the structure with a model's prediction: columns `ml_forces` (eV/Å), `ml_class`,
    /// `ml_uncertainty` (eV/Å) and `ml_out_of_domain`; `ml_energy` and `ml_energy_uncertainty` (eV)
    /// if the model has them; the model's name, kind and version, the level of theory of its
    /// training data, and the units.
    public func annotated(
        with prediction: ForcePrediction, by provenance: ForceFieldProvenance
    ) -> Atoms {
        var atoms = self
        atoms.energy = nil
        atoms.forces = nil
        atoms.levelOfTheory = nil
        atoms.columns[PredictedKey.forces] = Column(vectors: prediction.forces)
        atoms.columns[PredictedKey.classes] = Column(width: 1, values: .string(prediction.classes))
        atoms.columns[PredictedKey.uncertainty] =
            prediction.uncertainty.map { Column(width: 1, values: .real($0)) }
        atoms.columns[PredictedKey.outOfDomain] =
            Column(width: 1, values: .boolean(prediction.outOfDomain))
        atoms.info[PredictedKey.energy] = prediction.energy.map(InfoValue.real)
        atoms.info[PredictedKey.energyUncertainty] = prediction.energyUncertainty.map(InfoValue.real)
        atoms.info["model"] = .string(provenance.name)
        atoms.info["model_kind"] = .string(provenance.kind)
        atoms.info["model_version"] = .string(provenance.version)
        atoms.info["model_level_of_theory"] = .string(provenance.levelOfTheory)
        atoms.info["units"] = .string("eV, Angstrom")
        return atoms
    }

    /// Returns the prediction that ``annotated(with:by:)`` wrote; nil if there is no prediction by this model.
    public func prediction(by provenance: ForceFieldProvenance) -> ForcePrediction? {
        guard info["model_version"] == .string(provenance.version),
            let forces = columns[PredictedKey.forces]?.vectors,
            case .string(let classes)? = columns[PredictedKey.classes]?.values,
            let outOfDomain = columns[PredictedKey.outOfDomain]?.booleans
        else { return nil }
        return ForcePrediction(
            forces: forces, energy: info[PredictedKey.energy]?.double,
            energyUncertainty: info[PredictedKey.energyUncertainty]?.double,
            uncertainty: columns[PredictedKey.uncertainty]?.reals, classes: classes,
            outOfDomain: outOfDomain)
    }
}

extension RelaxationFrame {
    /// Returns the frame for a trajectory: the structure with the prediction, `step` and `ml_fmax` (eV/Å).
    public func annotated(by provenance: ForceFieldProvenance) -> Atoms {
        var atoms = atoms.annotated(with: prediction, by: provenance)
        atoms.info[PredictedKey.step] = .integer(step)
        atoms.info[PredictedKey.fmax] = .real(fmax)
        return atoms
    }
}

public import Atomistics
import LinearAlgebra
import SOAPPotential

/// A base with the correction that an earlier job of the same composition has taught: a relaxation on it ends nearer to
/// the engine's minimum than on the base alone.
public struct LearntForceField: ForceField {
    public let provenance: ForceFieldProvenance
    private let base: any ForceField
    private let correction: Correction

    /// - Parameters:
    ///   - earlier: labelled geometries, at least one; the last is the one at which the correction is best.
    ///   - atoms: a geometry of the structure that is to be relaxed, which takes part in the choice of inducing environments.
    /// - Throws: ``LearningError``; errors of the base or the descriptor.
    public init(_ base: any ForceField, learning earlier: [Atoms], for atoms: Atoms) throws {
        self.base = base
        provenance = base.provenance
        let evaluator = BaseEvaluator(
            base: .forceField(base), start: atoms, hessian: Matrix(rows: 0, columns: 0))
        var correction = try Correction(references: earlier + [atoms])
        for frame in earlier { try correction.learn(frame, evaluator) }
        try correction.fit(around: earlier.count - 1, isFree: [Bool](repeating: true, count: 3 * atoms.count))
        self.correction = correction
    }

    public var hasEnergy: Bool { true }

    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var prediction = try base.predict(atoms)
        let learnt = try correction.evaluate(atoms.bare)
        prediction.energy = prediction.energy.map { $0 + learnt.energy }
        prediction.forces = zip(prediction.forces, learnt.gradient).map { $0 - $1 }
        return prediction
    }
}

extension Correction {
    /// Adds a labelled geometry of another job, without the net force.
    mutating func learn(_ frame: Atoms, _ base: BaseEvaluator) throws {
        guard let forces = frame.forces, let energy = frame.energy, energy.isFinite,
            (frame.positions + forces).allSatisfy({ $0.squaredLength.isFinite })
        else { throw LearningError.notFinite }
        let atoms = frame.bare
        let own = try base(atoms)
        let residual = zip(forces, own.gradient).map { $0 + $1 }
        let mean = residual.reduce(.zero, +) / Double(max(1, residual.count))
        try add(atoms, forces: residual.map { $0 - mean }, energy: energy - own.energy, isForeign: true)
    }
}

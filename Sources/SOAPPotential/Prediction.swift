public import Atomistics
import LinearAlgebra

extension SOAPPotential: ForceField {
    public var hasEnergy: Bool { true }

    /// Predicts the energy and its expected error, the forces, and the expected length of each atom's force error. An
    /// atom is out of domain if its environment is more novel than the environments of known molecules that were held
    /// out of the fit, or if it is closer to another atom than in any training frame.
    ///
    /// - Throws: `ForceFieldError`.
    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        let evaluation = try evaluate(atoms, variances: true)
        let closer = try repulsion.isCloser(atoms)
        var (uncertainty, outside) = ([Double](), [Bool]())
        for (atom, element) in atoms.elements.enumerated() {
            let doubt = evaluation.doubt(atom)
            uncertainty.append(calibration.expectedError(element, doubt))
            outside.append(closer[atom] || calibration.isOutside(element, doubt))
        }
        let strangers = outside.count { $0 }
        var prediction = ForcePrediction(
            forces: evaluation.gradient.map { -$0 }, energy: evaluation.energy,
            energyUncertainty: calibration.expectedEnergyError(variances: evaluation.variances),
            uncertainty: uncertainty,
            classes: atoms.elements.map(\.symbol), outOfDomain: outside,
            warnings: strangers == 0
                ? []
                : ["\(counted(strangers, "atom")) \(strangers == 1 ? "is" : "are") out of the model's domain"]
        )
        prediction.indicators["deviation"] = evaluation.variances.map { $0.squareRoot() }
        prediction.indicators["novelty"] = evaluation.novelties
        return prediction
    }

    /// Returns the largest force on an atom of this element in the training data, eV/Å. Nil if the potential does not
    /// know the element, or if the model is of an earlier version, which does not store this force.
    public func largestKnownForce(on element: Element) -> Double? {
        calibration.curves[element.symbol]?.largestForce
    }

    /// Returns E, eV, and −∂E/∂r, eV/Å, without uncertainties.
    public func energyAndForces(_ atoms: Atoms) throws -> (energy: Double, forces: [SIMD3<Double>]) {
        let evaluation = try evaluate(atoms, variances: false)
        return (evaluation.energy, evaluation.gradient.map { -$0 })
    }

    /// Returns H v, the Hessian times a vector v, in eV/Å² times the unit of v, from central differences of the
    /// analytic forces along v.
    ///
    ///     H v = |v|/2h (∇E(r + h v/|v|) − ∇E(r − h v/|v|)),   h = 1e-3 Å · √(number of components of v ≠ 0)
    ///
    /// - Parameters:
    ///   - atoms: the geometry of the Hessian.
    ///   - vector: v, one vector per atom; if it is zero, so is the result.
    /// - Complexity: two force calls; the whole Hessian takes 6N.
    public func hessianVectorProduct(_ atoms: Atoms, _ vector: [SIMD3<Double>]) throws -> [SIMD3<Double>] {
        precondition(vector.count == atoms.count, "one vector per atom")
        let length = vector.reduce(0) { $0 + $1.squaredLength }.squareRoot()
        guard length > 0 else { return vector }
        let nonzero = vector.reduce(0) {
            $0 + ($1.x == 0 ? 0 : 1) + ($1.y == 0 ? 0 : 1) + ($1.z == 0 ? 0 : 1)
        }
        let step = 1e-3 * Double(nonzero).squareRoot() / length
        func gradient(_ sign: Double) throws -> [SIMD3<Double>] {
            var moved = atoms
            for i in 0..<atoms.count { moved.positions[i] += sign * step * vector[i] }
            return try evaluate(moved, variances: false).gradient
        }
        return zip(try gradient(1), try gradient(-1)).map { ($0 - $1) / (2 * step) }
    }
}

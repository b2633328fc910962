public import Atomistics
import LinearAlgebra

extension SOAPPotential: ForceField {
    /// Energy, forces, and for each atom the expected length of its force error. An atom is out of the
    /// domain where the doubt about its energy exceeds that about any training atom of its element, or where
    /// it is closer to another atom than in any training frame.
    ///
    /// - Throws: ``Atomistics/ForceFieldError``.
    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        let evaluation = try evaluate(atoms, variances: true)
        var (uncertainty, outside) = ([Double](), [Bool]())
        for (atom, element) in atoms.elements.enumerated() {
            let deviation = evaluation.variances[atom].squareRoot()
            uncertainty.append(calibration.expectedError(element, deviation: deviation))
            outside.append(
                evaluation.touching[atom] || calibration.isOutside(element, deviation: deviation))
        }
        let strangers = outside.count { $0 }
        return ForcePrediction(
            forces: evaluation.gradient.map { -$0 }, energy: evaluation.energy, uncertainty: uncertainty,
            classes: atoms.elements.map(\.symbol), outOfDomain: outside,
            warnings: strangers == 0
                ? []
                : [
                    "\(strangers) of \(atoms.count) atoms have surroundings that the training data does not cover"
                ])
    }

    /// E, eV, and −∂E/∂r, eV/Å, without uncertainties.
    public func energyAndForces(_ atoms: Atoms) throws -> (energy: Double, forces: [SIMD3<Double>]) {
        let evaluation = try evaluate(atoms, variances: false)
        return (evaluation.energy, evaluation.gradient.map { -$0 })
    }

    /// ∂²E/∂r∂r by central differences of the analytic forces, symmetrised: 3N×3N, row-major, eV/Å².
    ///
    /// - Complexity: 6N force calls.
    public func hessian(_ atoms: Atoms) throws -> [Double]? {
        let (size, step) = (3 * atoms.count, 1e-3)
        var h = Matrix(rows: size, columns: size)
        for i in 0..<size {
            func gradient(_ shift: Double) throws -> [SIMD3<Double>] {
                var moved = atoms
                moved.positions[i / 3][i % 3] += shift
                return try evaluate(moved, variances: false).gradient
            }
            let (ahead, behind) = (try gradient(step), try gradient(-step))
            for j in 0..<size {
                let slope = (ahead[j / 3][j % 3] - behind[j / 3][j % 3]) / (2 * step)
                h[i, j] += slope / 2
                h[j, i] += slope / 2
            }
        }
        return h.storage
    }
}

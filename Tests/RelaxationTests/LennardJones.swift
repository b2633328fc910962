import Atomistics

/// E = 4 Σ (r⁻¹² − r⁻⁶), no cutoff; eV and Å.
struct LennardJones: ForceField {
    let provenance = ForceFieldProvenance(
        name: "lennard-jones", kind: "test", version: "1", levelOfTheory: "Lennard-Jones")

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var energy = 0.0
        var forces = [SIMD3<Double>](repeating: .zero, count: atoms.count)
        for i in 0..<atoms.count {
            for j in 0..<i {
                let d = atoms.positions[i] - atoms.positions[j]
                let s = 1 / d.squaredLength
                let s3 = s * s * s
                energy += 4 * (s3 * s3 - s3)
                let force = 24 * (2 * s3 * s3 - s3) * s * d
                forces[i] += force
                forces[j] -= force
            }
        }
        return ForcePrediction(
            forces: forces, energy: energy, classes: atoms.elements.map(\.symbol),
            outOfDomain: atoms.elements.map { _ in false })
    }

    /// The four atoms of the golden numbers.
    static let start = Atoms(
        elements: [.gold, .gold, .gold, .gold],
        positions: [[0, 0, 0], [1.3, 0, 0], [0.4, 1.2, 0.1], [0.5, 0.3, 1.15]])
}

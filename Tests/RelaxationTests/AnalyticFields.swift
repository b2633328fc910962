import Atomistics
import Foundation

/// A force field from a pair potential V(r), eV and Å. It can imitate a learned model: with force errors, expected
/// errors and atoms that it does not know.
struct PairField: ForceField {
    let provenance: ForceFieldProvenance
    /// Returns V (eV) and dV/dr (eV/Å) at r (Å).
    let pair: @Sendable (Double) -> (Double, Double)
    var hasEnergy = true
    /// Largest value of an error that is added to each force component, eV/Å. It depends irregularly on the positions.
    var noise = 0.0
    /// Force that is added to every atom, eV/Å, like the error of a model that is not conservative.
    var drift = SIMD3<Double>.zero
    /// Expected error of each atom's force, eV/Å, from the atom's index; nil for a model without expected errors.
    var uncertainty: (@Sendable (Int) -> Double)?
    var isUnknown: @Sendable (Atoms, Int) -> Bool = { _, _ in false }

    init(_ name: String, pair: @escaping @Sendable (Double) -> (Double, Double)) {
        provenance = ForceFieldProvenance(name: name, kind: "test", version: "1", levelOfTheory: name)
        self.pair = pair
    }

    /// V = 4 (r⁻¹² − r⁻⁶), without a cutoff.
    static let lennardJones = PairField("lennard-jones") { r in
        let s = 1 / (r * r)
        let s3 = s * s * s
        return (4 * (s3 * s3 - s3), -24 * (2 * s3 * s3 - s3) / r)
    }

    /// V = e⁻²ᵖ − 2 e⁻ᵖ, p = 1.2 (r − 2.6).
    static let morse = PairField("morse") { r in
        let e = exp(-1.2 * (r - 2.6))
        return (e * e - 2 * e, -2 * 1.2 * (e * e - e))
    }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var energy = 0.0
        var forces = [SIMD3<Double>](repeating: drift, count: atoms.count)
        for i in 0..<atoms.count {
            for j in 0..<i {
                let d = atoms.positions[i] - atoms.positions[j]
                let r = d.length
                let (v, slope) = pair(r)
                energy += v
                forces[i] -= slope * d / r
                forces[j] += slope * d / r
            }
            if noise > 0 { forces[i] += noise * Self.hash(atoms.positions[i]) }
        }
        return ForcePrediction(
            forces: forces, energy: hasEnergy ? energy : nil,
            uncertainty: uncertainty.map { u in atoms.positions.indices.map(u) },
            classes: atoms.elements.map(\.symbol),
            outOfDomain: atoms.positions.indices.map { isUnknown(atoms, $0) })
    }

    /// Returns the Hessian by central differences of the forces, for tests that start from a model's Hessian.
    func hessian(_ atoms: Atoms) throws -> [Double]? {
        guard hasEnergy else { return nil }
        let (n, h) = (3 * atoms.count, 1e-4)
        var result = [Double](repeating: 0, count: n * n)
        for k in 0..<n {
            let gradients = try [h, -h].map { step in
                var moved = atoms
                moved.positions[k / 3][k % 3] += step
                return try predict(moved).forces.flatMap { [-$0.x, -$0.y, -$0.z] }
            }
            for l in 0..<n { result[l * n + k] = (gradients[0][l] - gradients[1][l]) / (2 * h) }
        }
        return result
    }

    /// Returns components in −1...1 that are calculated from the bits of a position: equal for equal positions,
    /// unrelated for positions that differ ever so little.
    private static func hash(_ position: SIMD3<Double>) -> SIMD3<Double> {
        var result = SIMD3<Double>.zero
        var word: UInt64 = 0x9E37_79B9_7F4A_7C15
        for k in 0..<3 {
            word ^= position[k].bitPattern &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 30)) &* 0x94D0_49BB_1331_11EB
            word ^= word >> 31
            result[k] = Double(word >> 11) / Double(UInt64(1) << 52) - 1
        }
        return result
    }
}

extension Atoms {
    /// Four atoms, for which ASE's results with a Lennard-Jones potential are known.
    static let fourLJ = Atoms(
        elements: [.gold, .gold, .gold, .gold],
        positions: [[0, 0, 0], [1.3, 0, 0], [0.4, 1.2, 0.1], [0.5, 0.3, 1.15]])

    /// Seven atoms, for which the golden files have ASE's runs.
    static let sevenMorse = Atoms(
        elements: [Element](repeating: .gold, count: 7),
        positions: [
            [0, 0, 0], [2.75, 0.10, -0.05], [1.30, 2.20, 0.15], [1.45, 0.70, 2.30],
            [1.20, 0.85, -2.45], [3.95, 2.30, 0.60], [-1.10, 2.35, 1.10],
        ])

    /// An icosahedron of thirteen atoms, each displaced by up to half an Å.
    static let thirteenMorse: Atoms = {
        let phi = (1 + 5.0.squareRoot()) / 2
        var positions: [SIMD3<Double>] = [.zero]
        for (a, b) in [(1.0, phi), (1, -phi), (-1, phi), (-1, -phi)] {
            positions += [[0, a, b], [a, b, 0], [b, 0, a]]
        }
        for i in positions.indices {
            let t = Double(i)
            positions[i] *= 1.35
            positions[i] += [0.5 * sin(3 * t + 1), 0.5 * sin(5 * t + 2), 0.5 * sin(7 * t + 3)]
        }
        return Atoms(elements: [Element](repeating: .gold, count: 13), positions: positions)
    }()
}

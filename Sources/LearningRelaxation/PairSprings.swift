import Atomistics
import Foundation
import LinearAlgebra

/// Returns a model Hessian of springs between near atoms, from the geometry alone. It is the initial Hessian if there
/// is no force field for the structure.
///
///     H = Σ_{i<j} k_ij (n̂ n̂ᵀ + 0.02) ,   k_ij = k exp(α ((r_i + r_j)² − r_ij²))
///
/// with covalent radii r_i, the direction n̂ from i to j, k = 45 eV/Å², α = 0.7 Å⁻²; k_ij is at most k. The isotropic
/// part gives torsions a stiffness.
///
/// - Source: the form of R. Lindh et al., Chem. Phys. Lett. 241, 423 (1995), with stretches only.
func pairSpringHessian(_ atoms: Atoms) -> Matrix {
    var hessian = Matrix(rows: 3 * atoms.count, columns: 3 * atoms.count)
    func add(_ i: Int, _ j: Int, _ offset: SIMD3<Double>) {
        let squared = offset.squaredLength
        let contact =
            (atoms.elements[i].covalentRadius ?? 1.5) + (atoms.elements[j].covalentRadius ?? 1.5)
        let stiffness = 45 * min(1, exp(0.7 * (contact * contact - squared)))
        guard stiffness > 1e-4 else { return }
        for a in 0..<3 {
            for b in 0..<3 {
                let value =
                    stiffness * (offset[a] * offset[b] / squared + (a == b ? 0.02 : 0))
                hessian[3 * i + a, 3 * i + b] += value
                hessian[3 * j + a, 3 * j + b] += value
                hessian[3 * i + a, 3 * j + b] -= value
                hessian[3 * j + a, 3 * i + b] -= value
            }
        }
    }
    // A spring to a periodic image of an atom acts on that atom. A spring between an atom and its own image has no
    // effect, because both ends move together.
    if atoms.periodicity.isPeriodic, let near = try? NeighborList(atoms, cutoff: 7) {
        for i in 0..<atoms.count {
            for slot in near.range(of: i) where near.indices[slot] < i {
                add(i, near.indices[slot], -near.displacements[slot])
            }
        }
        return hessian
    }
    for i in 0..<atoms.count {
        for j in 0..<i { add(i, j, atoms.positions[i] - atoms.positions[j]) }
    }
    return hessian
}

import Atomistics
import LinearAlgebra

/// Returns the forces without their mean.
///
///     F_i − Σ_j F_j / N
func withoutNetForce(_ forces: [SIMD3<Double>]) -> [SIMD3<Double>] {
    let mean = forces.reduce(.zero, +) / Double(max(1, forces.count))
    return forces.map { $0 - mean }
}

/// Returns the forces without their component along rigid rotations about the centroid, with equal
/// weight for all atoms.
///
///     F_i − ω × d_i,   d_i = r_i − r̄,   Σ_i (|d_i|² 1 − d_i d_iᵀ) ω = Σ_i d_i × F_i
///
/// An axis about which nothing rotates (of a linear molecule, of a single atom) has no component.
/// - Throws: ``LinearAlgebraError`` for positions or forces that are not finite.
func withoutNetTorque(
    _ forces: [SIMD3<Double>], positions: [SIMD3<Double>]
) throws(LinearAlgebraError) -> [SIMD3<Double>] {
    let centroid = positions.reduce(.zero, +) / Double(max(1, positions.count))
    var inertia = Matrix(rows: 3, columns: 3)
    var torque = SIMD3<Double>.zero
    for (force, position) in zip(forces, positions) {
        let d = position - centroid
        torque += d.cross(force)
        for i in 0..<3 {
            inertia[i, i] += d.squaredLength
            for j in 0..<3 { inertia[i, j] -= d[i] * d[j] }
        }
    }
    let axes = try SymmetricEigen(inertia)
    var omega = SIMD3<Double>.zero
    for k in 0..<3 where axes.values[k] > 1e-10 * axes.values[2] {
        let axis = SIMD3(axes.vectors[k, 0], axes.vectors[k, 1], axes.vectors[k, 2])
        omega += axis * (axis.dot(torque) / axes.values[k])
    }
    return zip(forces, positions).map { $0 - omega.cross($1 - centroid) }
}

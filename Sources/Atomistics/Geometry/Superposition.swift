/// A structure rotated and translated onto another one of the same atoms, minimising Σ_i |R r_i + t
/// − s_i|². A periodic structure is neither rotated nor translated; each atom is compared with the nearest image.
///
/// - Source: Horn, J. Opt. Soc. Am. A 4, 629 (1987): the rotation is the quaternion of the largest
///   eigenvalue of a symmetric 4×4 matrix.
public struct Superposition: Sendable {
    /// The moved structure's positions, Å.
    public let positions: [SIMD3<Double>]
    /// The distance of each atom from the same atom of the reference, Å.
    public let distances: [Double]

    /// Root mean square of ``distances``, √⟨|R r_i + t − s_i|²⟩, Å.
    public var rmsd: Double {
        guard !distances.isEmpty else { return 0 }
        return (distances.reduce(0) { $0 + $1 * $1 } / Double(distances.count)).squareRoot()
    }

    /// The largest of ``distances``, Å.
    public var largestDisplacement: Double { distances.max() ?? 0 }

    /// - Throws: ``StructureError/differentAtoms(_:)``; ``StructureError/singularCell``.
    /// - Complexity: O(N).
    public init(of atoms: Atoms, on reference: Atoms) throws(StructureError) {
        guard atoms.count == reference.count else {
            throw .differentAtoms("one has \(atoms.count) atoms, the other \(reference.count)")
        }
        if let i = atoms.elements.indices.first(where: { atoms.elements[$0] != reference.elements[$0] }) {
            throw .differentAtoms(
                "atom \(i) is \(atoms.elements[i]) in one and \(reference.elements[i]) in the other")
        }
        if atoms.periodicity.isPeriodic {
            positions = try atoms.unwrapped(near: reference.positions).positions
            distances = zip(positions, reference.positions).map { ($0 - $1).length }
            return
        }
        let (from, to) = (Self.centroid(atoms.positions), Self.centroid(reference.positions))
        let q = Self.rotation(
            zip(atoms.positions, reference.positions).map { ($0 - from, $1 - to) })
        positions = atoms.positions.map { Self.rotate($0 - from, by: q) + to }
        distances = zip(positions, reference.positions).map { ($0 - $1).length }
    }

    private static func centroid(_ positions: [SIMD3<Double>]) -> SIMD3<Double> {
        positions.reduce(.zero, +) / Double(max(1, positions.count))
    }

    /// Returns v + 2 u × (u × v + w v) for the unit quaternion (w, u).
    private static func rotate(_ v: SIMD3<Double>, by q: SIMD4<Double>) -> SIMD3<Double> {
        let u = SIMD3(q.y, q.z, q.w)
        return v + 2 * u.cross(u.cross(v) + q.x * v)
    }

    /// Returns the unit quaternion (w, x, y, z) of the best rotation.
    private static func rotation(_ pairs: [(SIMD3<Double>, SIMD3<Double>)]) -> SIMD4<Double> {
        var x = SIMD3<Double>.zero, y = SIMD3<Double>.zero, z = SIMD3<Double>.zero
        for (a, b) in pairs {
            x += a.x * b
            y += a.y * b
            z += a.z * b
        }
        var m: [SIMD4<Double>] = [
            [x.x + y.y + z.z, y.z - z.y, z.x - x.z, x.y - y.x],
            [y.z - z.y, x.x - y.y - z.z, x.y + y.x, z.x + x.z],
            [z.x - x.z, x.y + y.x, -x.x + y.y - z.z, y.z + z.y],
            [x.y - y.x, z.x + x.z, y.z + z.y, -x.x - y.y + z.z],
        ]
        var vectors: [SIMD4<Double>] = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        // Cyclic Jacobi: a 4×4 matrix is diagonal after a few sweeps.
        for _ in 0..<32 {
            var off = 0.0
            for p in 0..<4 { for q in p + 1..<4 { off += m[p][q] * m[p][q] } }
            if off < 1e-30 { break }
            for p in 0..<4 {
                for q in p + 1..<4 where m[p][q] != 0 {
                    let theta = (m[q][q] - m[p][p]) / (2 * m[p][q])
                    let t = (theta < 0 ? -1.0 : 1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
                    let c = 1 / (t * t + 1).squareRoot()
                    let s = t * c
                    for k in 0..<4 {
                        let (kp, kq) = (m[k][p], m[k][q])
                        (m[k][p], m[k][q]) = (c * kp - s * kq, s * kp + c * kq)
                    }
                    for k in 0..<4 {
                        let (pk, qk) = (m[p][k], m[q][k])
                        (m[p][k], m[q][k]) = (c * pk - s * qk, s * pk + c * qk)
                        let (vp, vq) = (vectors[k][p], vectors[k][q])
                        (vectors[k][p], vectors[k][q]) = (c * vp - s * vq, s * vp + c * vq)
                    }
                }
            }
        }
        let best = (0..<4).max { m[$0][$0] < m[$1][$1] } ?? 0
        return [vectors[0][best], vectors[1][best], vectors[2][best], vectors[3][best]]
    }
}

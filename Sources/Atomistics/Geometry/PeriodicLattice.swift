/// A cell whose non-periodic vectors are replaced by unit normals of the periodic ones, so that
/// each of the three directions has a height.
struct PeriodicLattice {
    let repeats: SIMDMask<SIMD3<Int64>>
    private let rows: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)
    private let reciprocal: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)

    /// Returns nil if the periodic vectors span no length, area or volume.
    init?(_ cell: Cell, _ periodicity: Periodicity) {
        var rows = [cell.a, cell.b, cell.c]
        let repeating = [periodicity.a, periodicity.b, periodicity.c]
        guard rows.indices.allSatisfy({ !repeating[$0] || (rows[$0].isFinite && rows[$0].length > 0) })
        else { return nil }
        switch repeating.filter({ $0 }).count {
        case 1:
            guard let k = repeating.firstIndex(of: true) else { return nil }
            let along = rows[k] / rows[k].length
            let aside = along.anyNormal
            rows[(k + 1) % 3] = aside
            rows[(k + 2) % 3] = along.cross(aside)
        case 2:
            guard let k = repeating.firstIndex(of: false) else { return nil }
            let normal = rows[(k + 1) % 3].cross(rows[(k + 2) % 3])
            guard normal.length > 0 else { return nil }
            rows[k] = normal / normal.length
        default: break
        }
        let volume = rows[0].dot(rows[1].cross(rows[2]))
        let scale = rows[0].length * rows[1].length * rows[2].length
        guard abs(volume) > 1e-10 * scale else { return nil }
        self.rows = (rows[0], rows[1], rows[2])
        reciprocal = (
            rows[1].cross(rows[2]) / volume, rows[2].cross(rows[0]) / volume,
            rows[0].cross(rows[1]) / volume
        )
        repeats = SIMD3<Double>(repeating[0] ? 1 : 0, repeating[1] ? 1 : 0, repeating[2] ? 1 : 0) .> 0
    }

    /// Reciprocals of the perpendicular heights of the cell, 1/Å.
    var reciprocalLengths: SIMD3<Double> {
        [reciprocal.0.length, reciprocal.1.length, reciprocal.2.length]
    }

    func fractions(_ r: SIMD3<Double>) -> SIMD3<Double> {
        [r.dot(reciprocal.0), r.dot(reciprocal.1), r.dot(reciprocal.2)]
    }

    func cartesian(_ f: SIMD3<Double>) -> SIMD3<Double> {
        f.x * rows.0 + f.y * rows.1 + f.z * rows.2
    }
}

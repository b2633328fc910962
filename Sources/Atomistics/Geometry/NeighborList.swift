/// All pairs of atoms within a cutoff, as flat arrays in compressed rows.
///
/// The neighbours of atom i are the entries `offsets[i]..<offsets[i + 1]` of the other arrays.
/// Every pair appears twice, once for each atom. An atom is not its own neighbour, but its periodic
/// images are; an atom with several images within the cutoff appears once per image.
///
///     displacement = r_j + n_a a + n_b b + n_c c − r_i,   |displacement|² ≤ cutoff²
///
/// Units: Å and Å².
public struct NeighborList: Sendable {
    /// The neighbours of atom i are at `offsets[i]..<offsets[i + 1]`; N + 1 values.
    public private(set) var offsets: [Int]
    /// Index j of each neighbour; within a row, the neighbours are in the order of the search bins.
    public private(set) var indices: [Int]
    /// Vectors from each atom to its neighbours, Å.
    public private(set) var displacements: [SIMD3<Double>]
    public private(set) var squaredDistances: [Double]

    /// The range of the neighbours of atom `i` in the flat arrays.
    @inlinable public func range(of i: Int) -> Range<Int> { offsets[i]..<offsets[i + 1] }

    /// The largest accepted number of images. It makes a thin cell with a long cutoff an error; otherwise the images
    /// would exhaust the memory.
    public static let imageLimit = 20_000_000
    /// The largest accepted number of pairs. It makes many atoms at one position an error, too.
    public static let pairLimit = 50_000_000

    /// - Parameters:
    ///   - atoms: a structure that is periodic along any, all or none of its lattice vectors.
    ///   - cutoff: Å, positive and finite.
    /// - Throws: ``StructureError`` for coordinates that are not finite, a singular cell, too many pairs.
    /// - Complexity: O(N) for bounded density: bins at least as wide as the cutoff, 27 searched per
    ///   atom.
    public init(_ atoms: Atoms, cutoff: Double) throws(StructureError) {
        try self.init(
            positions: atoms.positions, cell: atoms.cell, periodicity: atoms.periodicity, cutoff: cutoff)
    }

    /// Like ``init(_:cutoff:)``, for positions without elements.
    public init(
        positions: [SIMD3<Double>], cell: Cell? = nil, periodicity: Periodicity = .none, cutoff: Double
    ) throws(StructureError) {
        precondition(cutoff > 0 && cutoff.isFinite, "a cutoff is a positive length")
        // The square of the length must be finite, too.
        for (i, r) in positions.enumerated() where !r.squaredLength.isFinite { throw .notFinite(atom: i) }
        let points = try ImagePoints(
            positions: positions, cell: cell, periodicity: periodicity, cutoff: cutoff)
        let bins = Bins(points.positions, edge: cutoff)

        offsets = [0]
        offsets.reserveCapacity(positions.count + 1)
        indices = []
        displacements = []
        squaredDistances = []
        let squaredCutoff = cutoff * cutoff
        for i in 0..<positions.count {
            let centre = points.positions[i]
            bins.forEachRun(around: centre) { run in
                for slot in run {
                    let displacement = bins.sorted[slot] - centre
                    let squared = displacement.squaredLength
                    guard squared <= squaredCutoff, bins.order[slot] != i else { continue }
                    indices.append(points.origin(of: bins.order[slot]))
                    displacements.append(displacement)
                    squaredDistances.append(squared)
                }
            }
            offsets.append(indices.count)
            guard indices.count <= Self.pairLimit else { throw .tooManyPairs(limit: Self.pairLimit) }
        }
    }
}

/// The atoms, wrapped into the cell along its periodic directions, followed by every periodic image that is within a
/// cutoff of the cell.
private struct ImagePoints {
    var positions: [SIMD3<Double>]
    private var origins: [Int] = []
    private let atomCount: Int

    func origin(of point: Int) -> Int { point < atomCount ? point : origins[point - atomCount] }

    init(
        positions: [SIMD3<Double>], cell: Cell?, periodicity: Periodicity, cutoff: Double
    ) throws(StructureError) {
        self.positions = positions
        atomCount = positions.count
        guard periodicity.isPeriodic, !positions.isEmpty else { return }
        guard let cell, let lattice = PeriodicLattice(cell, periodicity) else { throw .singularCell }

        let reach = lattice.reciprocalLengths * cutoff
        var fractions = positions.map(lattice.fractions)
        for i in fractions.indices {
            var shift = fractions[i].rounded(.down)
            shift.replace(with: 0, where: .!lattice.repeats)
            fractions[i] -= shift
            self.positions[i] -= lattice.cartesian(shift)
        }
        let most = reach.rounded(.up).replacing(with: 0, where: .!lattice.repeats)
        let images = (2 * most.x + 1) * (2 * most.y + 1) * (2 * most.z + 1)
        guard images * Double(atomCount) <= Double(NeighborList.imageLimit) else {
            throw .tooManyImages(
                Int(min(images * Double(atomCount), 1e18)), limit: NeighborList.imageLimit)
        }
        // A small tolerance makes up for rounding: a superfluous image costs one distance, but a missing image would
        // lose a neighbour.
        let slack = reach * 1e-9 + 1e-9
        let low = (-reach - slack).replacing(with: -.infinity, where: .!lattice.repeats)
        let high = (1 + reach + slack).replacing(with: .infinity, where: .!lattice.repeats)
        for a in Int(-most.x)...Int(most.x) {
            for b in Int(-most.y)...Int(most.y) {
                for c in Int(-most.z)...Int(most.z) where (a, b, c) != (0, 0, 0) {
                    let shift = SIMD3(Double(a), Double(b), Double(c))
                    let translation = lattice.cartesian(shift)
                    for i in 0..<atomCount {
                        let fraction = fractions[i] + shift
                        guard all(fraction .>= low), all(fraction .<= high) else { continue }
                        self.positions.append(self.positions[i] + translation)
                        origins.append(i)
                    }
                }
            }
        }
    }
}

/// Points sorted into cubic bins by counting.
private struct Bins {
    /// Positions in the order of the bins.
    private(set) var sorted: [SIMD3<Double>]
    /// Index of the point at each of these positions.
    private(set) var order: [Int]
    private var starts: [Int]
    private let origin: SIMD3<Double>
    private let inverseEdge: Double
    private let shape: SIMD3<Int>

    init(_ points: [SIMD3<Double>], edge: Double) {
        var low = SIMD3<Double>(repeating: .infinity)
        var high = SIMD3<Double>(repeating: -.infinity)
        for point in points {
            low = pointwiseMin(low, point)
            high = pointwiseMax(high, point)
        }
        if points.isEmpty { (low, high) = (.zero, .zero) }
        // Bins are wider if the points are sparse, so that there are at most about four bins per point.
        var edge = edge
        let extent = high - low
        func count(_ edge: Double) -> Double {
            let shape = (extent / edge).rounded(.down) + 1
            return shape.x * shape.y * shape.z
        }
        while count(edge) > Double(4 * points.count + 64) { edge *= 1.5 }
        inverseEdge = 1 / edge
        origin = low
        let counts = (extent / edge).rounded(.down) + 1
        shape = SIMD3(Int(counts.x), Int(counts.y), Int(counts.z))

        starts = [Int](repeating: 0, count: shape.x * shape.y * shape.z + 1)
        sorted = points
        order = [Int](repeating: 0, count: points.count)
        let bins = points.map { flat(bin(of: $0)) }
        for bin in bins { starts[bin + 1] += 1 }
        for bin in 1..<starts.count { starts[bin] += starts[bin - 1] }
        var next = starts
        for (i, bin) in bins.enumerated() {
            sorted[next[bin]] = points[i]
            order[next[bin]] = i
            next[bin] += 1
        }
    }

    /// Calls `body` with the ranges of `sorted` in which the points of the bins around a point are, one range for each
    /// row of three bins.
    @inline(__always)
    func forEachRun(around point: SIMD3<Double>, _ body: (Range<Int>) -> Void) {
        let centre = bin(of: point)
        let low = pointwiseMax(centre &- 1, .zero)
        let high = pointwiseMin(centre &+ 1, shape &- 1)
        for x in low.x...high.x {
            for y in low.y...high.y {
                let row = (x * shape.y + y) * shape.z
                body(starts[row + low.z]..<starts[row + high.z + 1])
            }
        }
    }

    private func bin(of point: SIMD3<Double>) -> SIMD3<Int> {
        let scaled = (point - origin) * inverseEdge
        let bin = SIMD3(Int(scaled.x), Int(scaled.y), Int(scaled.z))
        return pointwiseMin(pointwiseMax(bin, .zero), shape &- 1)
    }

    private func flat(_ bin: SIMD3<Int>) -> Int { (bin.x * shape.y + bin.y) * shape.z + bin.z }
}

/// A cell in which unit normals of the periodic vectors replace the non-periodic vectors, so that each of the three
/// directions has a height.
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

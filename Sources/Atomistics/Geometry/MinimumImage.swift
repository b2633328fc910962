extension Atoms {
    /// The lattice of a periodic structure; nil for a molecule.
    ///
    /// - Throws: ``StructureError/singularCell``.
    var lattice: PeriodicLattice? {
        get throws(StructureError) {
            guard periodicity.isPeriodic else { return nil }
            guard let cell, let lattice = PeriodicLattice(cell, periodicity) else { throw .singularCell }
            return lattice
        }
    }

    /// Returns the structure with every atom moved by lattice vectors into the cell, along its periodic directions.
    ///
    /// - Throws: ``StructureError/singularCell``.
    public func wrapped() throws(StructureError) -> Atoms {
        guard let lattice = try lattice else { return self }
        var result = self
        result.positions = positions.map { $0 - lattice.cartesian(lattice.whole(lattice.fractions($0))) }
        return result
    }

    /// Returns the structure with each atom at the image nearest to the given position, Å.
    ///
    /// Programs may return positions wrapped into the cell, but a displacement is only meaningful between nearest
    /// images.
    ///
    /// - Throws: ``StructureError/singularCell``; ``StructureError/differentAtoms(_:)``.
    public func unwrapped(near positions: [SIMD3<Double>]) throws(StructureError) -> Atoms {
        guard positions.count == count else {
            throw .differentAtoms("one has \(count) atoms, the other \(positions.count)")
        }
        guard let lattice = try lattice else { return self }
        var result = self
        for i in 0..<count {
            let offset = self.positions[i] - positions[i]
            result.positions[i] -= lattice.cartesian(lattice.nearest(lattice.fractions(offset)))
        }
        return result
    }

    /// Returns whether a periodic structure is isolated from its images, which means that along each periodic direction
    /// there is a gap of at least 5 Å without an atom.
    ///
    /// - Throws: ``StructureError/singularCell``.
    public func isMoleculeInBox() throws(StructureError) -> Bool {
        guard let lattice = try lattice, count > 0 else { return false }
        let fractions = positions.map { lattice.fractions($0) - lattice.fractions($0).rounded(.down) }
        let (repeats, reciprocal) = (
            [periodicity.a, periodicity.b, periodicity.c], lattice.reciprocalLengths
        )
        return (0..<3).allSatisfy { axis in
            guard repeats[axis] else { return true }
            let sorted = fractions.map { $0[axis] }.sorted()
            let around = sorted[0] + 1 - sorted[sorted.count - 1]
            let gap = zip(sorted, sorted.dropFirst()).reduce(around) { max($0, $1.1 - $1.0) }
            return gap / reciprocal[axis] >= 5
        }
    }

    /// Returns three properties of a slab: the normal of its periodic directions, the extent of its atoms along the
    /// normal, Å, and the empty space between the slab and its next image if the cell were repeated along the normal,
    /// Å. Returns nil unless exactly one direction is open.
    ///
    /// - Throws: ``StructureError/singularCell``.
    public func slab() throws(StructureError) -> (
        normal: SIMD3<Double>, thickness: Double, emptySpace: Double
    )? {
        guard let lattice = try lattice, let cell, periodicity.dimensions == 2 else { return nil }
        let open = periodicity.a ? periodicity.b ? 2 : 1 : 0
        let normal = lattice.cartesian(SIMD3(open == 0 ? 1 : 0, open == 1 ? 1 : 0, open == 2 ? 1 : 0))
        let heights = positions.map { $0.dot(normal) }
        let thickness = (heights.max() ?? 0) - (heights.min() ?? 0)
        let height = abs([cell.a, cell.b, cell.c][open].dot(normal))
        return (normal, thickness, max(0, height - thickness))
    }

    /// Returns the cell for a program that repeats it in all three directions; nil for a molecule. The vectors of open
    /// directions become normal to the others, and at least as long as the extent of the structure plus
    /// ``engineVacuum``.
    ///
    /// - Throws: ``StructureError/singularCell``.
    public func engineCell() throws(StructureError) -> Cell? {
        guard let lattice = try lattice, let cell else { return nil }
        var rows = [cell.a, cell.b, cell.c]
        for (i, repeats) in [periodicity.a, periodicity.b, periodicity.c].enumerated() where !repeats {
            let normal = lattice.cartesian(SIMD3(i == 0 ? 1 : 0, i == 1 ? 1 : 0, i == 2 ? 1 : 0))
            let heights = positions.map { $0.dot(normal) }
            let extent = (heights.max() ?? 0) - (heights.min() ?? 0)
            // Rounded up, so that small movements of the atoms do not change the cell when a run is resumed.
            let least = (extent + Self.engineVacuum).rounded(.up)
            let height = rows[i].dot(normal)
            rows[i] = (height < 0 ? -1 : 1) * max(abs(height), least) * normal
        }
        return Cell(rows[0], rows[1], rows[2])
    }

    /// Empty space along an open direction for programs that repeat the cell there, Å.
    public static var engineVacuum: Double { 12 }

    /// Returns whether the other structure repeats along the same directions with the same vectors, within 1e-4 Å.
    public func hasSameCell(as other: Atoms) -> Bool {
        guard periodicity == other.periodicity else { return false }
        guard periodicity.isPeriodic else { return true }
        guard let cell, let its = other.cell else { return false }
        let pairs = [
            (periodicity.a, cell.a, its.a), (periodicity.b, cell.b, its.b), (periodicity.c, cell.c, its.c),
        ]
        return pairs.allSatisfy { !$0 || ($1 - $2).length <= 1e-4 }
    }
}

extension Periodicity {
    /// Number of directions along which the structure repeats.
    public var dimensions: Int { (a ? 1 : 0) + (b ? 1 : 0) + (c ? 1 : 0) }
    /// `TTF` for a slab.
    public var text: String { [a, b, c].map { $0 ? "T" : "F" }.joined() }
}

extension PeriodicLattice {
    /// Returns the fractional coordinates rounded down to whole cells along the periodic directions, and 0 along the
    /// others.
    func whole(_ fractions: SIMD3<Double>) -> SIMD3<Double> {
        fractions.rounded(.down).replacing(with: 0, where: .!repeats)
    }

    /// Returns the fractional coordinates rounded to the nearest whole cells along the periodic directions, and 0 along
    /// the others.
    func nearest(_ fractions: SIMD3<Double>) -> SIMD3<Double> {
        fractions.rounded(.toNearestOrEven).replacing(with: 0, where: .!repeats)
    }
}

import MinimalLearning
import Testing

/// The expected numbers were calculated with NumPy's SVD; the tolerance is 1e-8.
@Suite struct AlignmentTests {
    static let s: [SIMD3<Double>] = [[1.8, 0, 0], [-0.4, 1, 0.1], [-0.35, -0.5, 0.9]]
    static let p: [SIMD3<Double>] = [[0.1, 1.75, 0.2], [-1, -0.4, 0.15], [0.55, -0.3, -0.95]]

    func align(
        _ p: [SIMD3<Double>?], _ s: [SIMD3<Double>?], _ permutations: [[Int]], _ group: RotationGroup
    ) -> (misfit: Double, rotation: Rotation3, lowRank: Bool) {
        let alignment = PermutationAlignment(
            references: [PointSet](repeating: PointSet(s), count: 5), permutations: permutations,
            group: group)
        var result = Alignments(count: 5)
        alignment.align(PointSet(p), into: &result)
        #expect(result.misfits.allSatisfy { $0 == result.misfits[0] })
        return (result.misfits[0], result.rotation(3), result.lowRank[3])
    }

    @Test("Shells are aligned in the given order") func identityPermutation() {
        let o3 = align(Self.p, Self.s, [[0, 1, 2]], .o3)
        #expect(abs(o3.misfit - 0.104377302) < 1e-8)
        #expect(abs(o3.rotation.determinant + 1) < 1e-12)
        let so3 = align(Self.p, Self.s, [[0, 1, 2]], .so3)
        #expect(abs(so3.misfit - 0.544273376) < 1e-8)
        #expect(abs(so3.rotation.determinant - 1) < 1e-12)
    }

    @Test("Shells are aligned with two atoms swapped") func swappedPermutation() {
        let swapped = align(Self.p, [Self.s[0], Self.s[2], Self.s[1]], [[0, 1, 2]], .o3)
        #expect(abs(swapped.misfit - 0.110943349) < 1e-8)
        let golden: [SIMD3<Double>] = [
            [0.013500116, 0.466007992, -0.884677511], [0.995066488, 0.080707323, 0.057697602],
            [0.098287497, -0.881091868, -0.462619378],
        ]
        let r = swapped.rotation
        for (row, expected) in zip([r.x, r.y, r.z], golden) {
            for k in 0..<3 { #expect(abs(row[k] - expected[k]) < 1e-8) }
        }
    }

    @Test("The search uses only the permitted matrices") func permittedMatrices() {
        let both = [[0, 1, 2], [0, 2, 1]]
        #expect(abs(align(Self.p, Self.s, both, .o3).misfit - 0.104377302) < 1e-8)
        #expect(abs(align(Self.p, Self.s, both, .so3).misfit - 0.110943349) < 1e-8)
    }

    @Test("Rotations and reflections are found") func rotations() {
        let turn = Rotation3([0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6])
        for sign in [1.0, -1] {
            let moved = Self.s.map { sign * (turn * $0) }
            let found = align(moved, Self.s, [[0, 1, 2]], .o3)
            #expect(found.misfit < 1e-12)
            let back = found.rotation * Self.s[1] - moved[1]
            #expect((back * back).sum() < 1e-24)
        }
    }

    @Test("Planar points are aligned with their mirror image") func planarPoints() {
        let flat: [SIMD3<Double>] = [[1, 0, 0], [0.3, 1.2, 0], [-0.7, 0.4, 0]]
        let same = align(flat, flat, [[0, 1, 2]], .o3)
        #expect(same.misfit < 1e-12)
        let proper = align(flat, flat, [[0, 1, 2]], .so3)
        #expect(proper.misfit < 1e-12)
        #expect(abs(proper.rotation.determinant - 1) < 1e-12)
    }

    @Test("Empty slots are left out of the alignment") func emptySlots() {
        // With two points in common the alignment is exact, whatever the third slot contains. With one point it is the
        // smallest rotation that fits; with none there is no alignment.
        let two = align([Self.s[0], Self.s[1], nil], Self.s, [[0, 1, 2]], .o3)
        #expect(two.misfit < 1e-12 && !two.lowRank)
        let swappedBlock = align([Self.s[2], nil], [nil, Self.s[2]], [[0, 1], [1, 0]], .o3)
        #expect(swappedBlock.misfit < 1e-12 && swappedBlock.lowRank)
        let none = align([nil, Self.s[1]], [Self.s[0], nil], [[0, 1]], .o3)
        #expect(none.misfit == .infinity)
        let opposite = align([[0, 0, 2]], [[0, 0, -2]], [[0]], .so3)
        #expect(opposite.misfit < 1e-12 && opposite.lowRank)
        #expect(abs(opposite.rotation.determinant - 1) < 1e-12)
    }
}

import LinearAlgebra
import MinimalLearning
import Testing

@Suite struct ShellAlignmentTests {
    static let turn = Rotation3([0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6])

    /// Returns points at distances of 2.6…4.8 from the origin, ordered from near to far, without symmetry.
    static func shell(_ count: Int, seed: Int, anchored: Bool) -> Shell {
        let noise = SamplingTests.noise(rows: 3 * count + 3 * seed, columns: 1).storage
        var points: [SIMD3<Double>] = (0..<count).map { k in
            let v = SIMD3(noise[3 * seed + 3 * k], noise[3 * seed + 3 * k + 1], noise[3 * seed + 3 * k + 2])
            return v / (v * v).sum().squareRoot() * (2.6 + 0.2 * Double(k))
        }
        if anchored { points[0] *= 2.3 / 2.6 }
        return Shell(points: points, hasAnchor: anchored)
    }

    func align(_ input: Shell, _ references: [Shell], _ group: RotationGroup = .o3) -> Alignments {
        let alignment = ShellAlignment(references: references, group: group)
        var result = Alignments(count: references.count)
        alignment.align(input, into: &result)
        return result
    }

    @Test("The rotation and permutation of a shell are found", arguments: [true, false], [1.0, -1])
    func findsTheSameShell(anchored: Bool, sign: Double) {
        let shell = Self.shell(12, seed: 1, anchored: anchored)
        let moved = Shell(
            points: shell.points.map { sign * (Self.turn * $0) }, hasAnchor: anchored)
        let found = align(moved, [Self.shell(9, seed: 3, anchored: anchored), shell])
        #expect(found.misfits[1] < 1e-12)
        #expect(found.misfits[0] > 0.01)
        let r = found.rotation(1)
        for v in shell.points {
            let error = r * v - sign * (Self.turn * v)
            #expect((error * error).sum() < 1e-20)
        }
        #expect(found.lowRank == [false, false])
    }

    @Test("Reflections are excluded on request") func properRotationsOnly() {
        let shell = Self.shell(10, seed: 2, anchored: false)
        let mirrored = Shell(points: shell.points.map { -$0 }, hasAnchor: false)
        let found = align(mirrored, [shell], .so3)
        #expect(found.misfits[0] > 1e-3)
        #expect(abs(found.rotation(0).determinant - 1) < 1e-12)
        #expect(align(mirrored, [shell]).misfits[0] < 1e-12)
    }

    /// Compares with the definition, which tries every triangle in both mirror images without comparing its sides
    /// first.
    @Test("The chosen triangle is the best of all", arguments: [true, false], [5, 12]) func bestTriangle(
        anchored: Bool, count: Int
    ) {
        let input = Self.shell(9, seed: 4, anchored: anchored)
        let reference = Self.shell(count, seed: 6, anchored: anchored)
        let all = ShellAlignment(references: [reference], group: .o3, triangleCount: 132)
        var found = Alignments(count: 1)
        all.align(input, into: &found)
        let first = 0
        let second = 1
        let triangle = [input.points[first], input.points[second]]
        var best = Double.infinity
        let others = reference.points.indices.dropFirst(anchored ? 1 : 0)
        for a in anchored ? [0] : Array(others) {
            for b in others where b != a {
                let s = [reference.points[a], reference.points[b]]
                for hand in [1.0, -1] {
                    // The normals of the two triangles are a third pair of points. They determine the mirror image
                    // without changing the plane.
                    func normal(_ v: [SIMD3<Double>]) -> SIMD3<Double> {
                        let n = SIMD3(
                            v[0].y * v[1].z - v[0].z * v[1].y, v[0].z * v[1].x - v[0].x * v[1].z,
                            v[0].x * v[1].y - v[0].y * v[1].x)
                        return n / (n * n).sum().squareRoot()
                    }
                    let fit = PermutationAlignment(
                        references: [PointSet(s + [normal(s)])], permutations: [[0, 1, 2]], group: .o3)
                    var result = Alignments(count: 1)
                    fit.align(PointSet(triangle + [hand * normal(triangle)]), into: &result)
                    let moved = reference.points.map { result.rotation(0) * $0 }
                    let (from, to) =
                        moved.count > input.points.count ? (moved, input.points) : (input.points, moved)
                    let sum = from.reduce(0.0) { sum, p in
                        sum + (to.map { ((p - $0) * (p - $0)).sum() }.min() ?? 0)
                    }
                    best = min(best, sum.squareRoot() / Double(from.count + 1))
                }
            }
        }
        #expect(abs(found.misfits[0] - best) < 1e-9)
    }

    @Test("Shells of too few neighbours have low rank") func tooFewNeighbours() {
        let one = Shell(points: [[0, 0, 2.7]], hasAnchor: false)
        let full = Self.shell(8, seed: 1, anchored: false)
        let found = align(one, [full, Shell(points: [], hasAnchor: false)])
        #expect(found.lowRank == [true, true])
        #expect(found.misfits[0].isFinite)
        #expect(found.misfits[1] == .infinity)
        let nothing = align(Shell(points: [], hasAnchor: false), [full])
        #expect(nothing.misfits == [.infinity])
    }

    @Test("Neighbours on a line have low rank") func neighboursInLine() {
        let line = Shell(points: [[2.7, 0, 0], [-2.7, 0, 0], [0, 2.9, 0]], hasAnchor: false)
        let found = align(line, [line])
        #expect(found.misfits[0] < 1e-12)
        #expect(!found.lowRank[0])
    }
}

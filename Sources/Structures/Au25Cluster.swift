public import Atomistics
import Glibc

/// Builds Au25(SCH3)18, whose anion is the best known protected cluster, from its symmetry.
///
/// One gold atom, twelve around it at the corners of an icosahedron, and six staples S–Au–S–Au–S in
/// an octahedral arrangement. Each staple lies in a mirror plane over an edge of the icosahedron,
/// with its middle sulfur on the edge's two-fold axis and its outer ones at the two corners beyond
/// the edge. Au25S18 has the point group T_h; the methyl groups alternate between the sides of
/// their staple, as in Au38(SCH3)24, which reduces it to S6.
///
/// Not relaxed: bond lengths are idealised.
/// - Source: Heaven et al., J. Am. Chem. Soc. 130, 3754 (2008), and Zhu et al., J. Am. Chem. Soc. 130, 5883 (2008), for
///   the arrangement; bond lengths rounded from PBE structures of such clusters.
public struct Au25Cluster: Sendable {
    /// From the central gold atom to the twelve around it, Å.
    public var coreRadius = 2.80
    /// From a staple's gold atom to the three of the icosahedron's face below it, Å.
    public var goldGold = 3.20
    /// Gold–sulfur bond length within a staple, Å.
    public var goldSulfur = 2.33
    /// From a staple's outer sulfur to the icosahedron, Å.
    public var coreSulfur = 2.40
    /// Gold–sulfur–carbon, degrees.
    public var goldSulfurCarbon = 104.0

    public init() {}

    /// The central gold atom, the icosahedron, the staples' gold, all sulfur, then carbon and its
    /// three hydrogens for each sulfur; centred at the origin, two-fold axes along x, y and z.
    public var atoms: Atoms {
        let staple = self.staple
        var gold: [SIMD3<Double>] = []
        var sulfur: [SIMD3<Double>] = []
        var methyl: [SIMD3<Double>] = []
        for image in Self.images {
            gold += staple.gold.map(image)
            sulfur += staple.sulfur.map(image)
            methyl += staple.methyl.map(image)
        }
        return Atoms(
            elements: Array(repeating: .gold, count: 25) + Array(repeating: .sulfur, count: 18)
                + (0..<18).flatMap { _ in MethylGroup.elements },
            positions: [.zero] + icosahedron + gold + sulfur + methyl)
    }

    private static let goldenRatio = (1 + 5.0.squareRoot()) / 2

    /// Half an edge of the icosahedron, Å.
    private var halfEdge: Double { coreRadius / (1 + Self.goldenRatio * Self.goldenRatio).squareRoot() }

    /// (0, ±1, ±φ) and its cyclic permutations.
    private var icosahedron: [SIMD3<Double>] {
        var corners: [SIMD3<Double>] = []
        for (y, z) in [(1.0, 1.0), (-1, 1), (1, -1), (-1, -1)] {
            let corner = halfEdge * SIMD3(0, y, z * Self.goldenRatio)
            corners += [corner, SIMD3(corner.z, corner.x, corner.y), SIMD3(corner.y, corner.z, corner.x)]
        }
        return corners
    }

    /// The operations of S6 move one staple onto all six: three-fold rotation about (1, 1, 1), and
    /// inversion.
    private static let images: [@Sendable (SIMD3<Double>) -> SIMD3<Double>] = [
        { $0 }, { SIMD3($0.z, $0.x, $0.y) }, { SIMD3($0.y, $0.z, $0.x) },
        { -$0 }, { -SIMD3($0.z, $0.x, $0.y) }, { -SIMD3($0.y, $0.z, $0.x) },
    ]

    /// The staple about the z axis, in the xz plane.
    private var staple: (gold: [SIMD3<Double>], sulfur: [SIMD3<Double>], methyl: [SIMD3<Double>]) {
        let a = halfEdge
        let phi = Self.goldenRatio
        // The face (φ, 0, 1), (0, ±1, φ): its centre, and the distance of its corners from the
        // centre.
        let middle = a / 3 * SIMD3(phi, 0, 2 * phi + 1)
        let anchor = a * SIMD3(phi, 0, 1)
        let height = (goldGold * goldGold - (anchor - middle).squaredLength).squareRoot()
        let gold = middle + height * (middle / middle.length)
        let central = SIMD3(0, 0, gold.z + (goldSulfur * goldSulfur - gold.x * gold.x).squareRoot())
        // Outer sulfur: in the plane, at both bond lengths, on the far side of the line between the
        // two gold atoms.
        let line = (anchor - gold) / goldGold
        let along = (goldSulfur * goldSulfur - coreSulfur * coreSulfur + goldGold * goldGold) / (2 * goldGold)
        let outer =
            gold + along * line
            + (goldSulfur * goldSulfur - along * along).squareRoot() * SIMD3(-line.z, 0, line.x)
        func mirrored(_ r: SIMD3<Double>) -> SIMD3<Double> { SIMD3(-r.x, r.y, r.z) }
        return (
            [gold, mirrored(gold)], [outer, central, mirrored(outer)],
            methyl(at: outer, beside: gold, anchor, side: -1, turnedBy: 50)
                + methyl(at: central, beside: gold, mirrored(gold), side: 1, turnedBy: 0)
                + methyl(
                    at: mirrored(outer), beside: mirrored(gold), mirrored(anchor), side: -1, turnedBy: 10)
        )
    }

    /// Returns the positions of a methyl group on sulfur, Å. With the rotations that ``staple`` uses, the groups of
    /// neighbouring staples interlock, and no two of their hydrogens are nearer than 2.1 Å.
    ///
    /// - Parameters:
    ///   - side: the side of the staple, along ±y.
    ///   - turn: rotation of the group about its S–C bond, degrees, from the staggered position (one hydrogen between
    ///     the two gold atoms).
    private func methyl(
        at sulfur: SIMD3<Double>, beside first: SIMD3<Double>, _ second: SIMD3<Double>, side: Double,
        turnedBy turn: Double
    ) -> [SIMD3<Double>] {
        let (u, v) = (first - sulfur, second - sulfur)
        let towards = u / u.length + v / v.length
        let bisector = towards / towards.length
        // c·u/|u| = cos(Au–S–C) for both, with c between −bisector and the normal of the staple.
        let cosine = -cos(goldSulfurCarbon * .pi / 180) / (bisector.dot(u) / u.length)
        let direction = SIMD3(0, side * (1 - cosine * cosine).squareRoot(), 0) - cosine * bisector
        let across = bisector - bisector.dot(direction) * direction
        let angle = turn * .pi / 180
        return MethylGroup().positions(
            at: sulfur, along: direction, turn: cos(angle) * across + sin(angle) * direction.cross(across))
    }
}

public import Atomistics
import Glibc

/// Builds Au25(SCH3)18, whose anion is the best known protected cluster, from its symmetry.
///
/// The cluster has one gold atom, twelve around it at the corners of an icosahedron, and six staples S–Au–S–Au–S in an
/// octahedral arrangement. Each staple lies in the mirror plane that bisects an edge of the icosahedron. Its middle
/// sulfur is on the two-fold axis through the middle of the edge; its outer ones bind to the third corners of the two
/// faces that share the edge. Au25S18 has the point group T_h. The methyl groups alternate between the two sides of
/// their staple, as in Au38(SCH3)24, which reduces the point group to S6.
///
/// The structure is not relaxed: bond lengths are idealised.
/// - Source: Heaven et al., J. Am. Chem. Soc. 130, 3754 (2008), and Zhu et al., J. Am. Chem. Soc. 130, 5883 (2008), for
///   the arrangement; bond lengths rounded from PBE structures of such clusters.
public struct Au25Cluster: Sendable {
    /// Distance from the central gold atom to the twelve around it, Å.
    public var coreRadius = 2.80
    /// Distance from a gold atom of a staple to each corner of the icosahedron's face below it, Å.
    public var goldGold = 3.20
    /// Gold–sulfur bond length within a staple, Å.
    public var goldSulfur = 2.33
    /// Distance from an outer sulfur of a staple to the gold atom of the icosahedron that it binds to, Å.
    public var coreSulfur = 2.40
    /// Angle gold–sulfur–carbon, degrees.
    public var goldSulfurCarbon = 104.0

    public init() {}

    /// The cluster: the central gold atom, the icosahedron, the gold of the staples, all sulfur, then carbon and its
    /// three hydrogens for each sulfur. It is centred at the origin, with two-fold axes along x, y and z.
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

    /// Half the length of an edge of the icosahedron, Å.
    private var halfEdge: Double { coreRadius / (1 + Self.goldenRatio * Self.goldenRatio).squareRoot() }

    /// The corners of the icosahedron, Å: (0, ±1, ±φ) times ``halfEdge``, and its cyclic permutations.
    private var icosahedron: [SIMD3<Double>] {
        var corners: [SIMD3<Double>] = []
        for (y, z) in [(1.0, 1.0), (-1, 1), (1, -1), (-1, -1)] {
            let corner = halfEdge * SIMD3(0, y, z * Self.goldenRatio)
            corners += [corner, SIMD3(corner.z, corner.x, corner.y), SIMD3(corner.y, corner.z, corner.x)]
        }
        return corners
    }

    /// The operations of the point group S6, which move one staple onto all six: the rotations by 0°, 120° and 240°
    /// about (1, 1, 1), each without and with inversion.
    private static let images: [@Sendable (SIMD3<Double>) -> SIMD3<Double>] = [
        { $0 }, { SIMD3($0.z, $0.x, $0.y) }, { SIMD3($0.y, $0.z, $0.x) },
        { -$0 }, { -SIMD3($0.z, $0.x, $0.y) }, { -SIMD3($0.y, $0.z, $0.x) },
    ]

    /// Positions of the atoms in the staple that crosses the z axis and lies in the xz plane, Å.
    private var staple: (gold: [SIMD3<Double>], sulfur: [SIMD3<Double>], methyl: [SIMD3<Double>]) {
        let a = halfEdge
        let phi = Self.goldenRatio
        // A gold atom of the staple lies above the face whose corners are (φ, 0, 1), (0, 1, φ) and (0, −1, φ) times
        // ``halfEdge``. `middle` is the centre of the face; `anchor` is its corner in the plane of the staple.
        let middle = a / 3 * SIMD3(phi, 0, 2 * phi + 1)
        let anchor = a * SIMD3(phi, 0, 1)
        let height = (goldGold * goldGold - (anchor - middle).squaredLength).squareRoot()
        let gold = middle + height * (middle / middle.length)
        let central = SIMD3(0, 0, gold.z + (goldSulfur * goldSulfur - gold.x * gold.x).squareRoot())
        // The outer sulfur is in the plane of the staple, at both bond lengths, on the far side of the line from `gold`
        // to `anchor`.
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

    /// Returns the positions of a methyl group on sulfur, Å. With the values of `turn` that ``staple`` passes, the
    /// groups of neighbouring staples interlock, and no two of their hydrogens are nearer than 2.1 Å.
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
        // `direction` points from sulfur to carbon, between −`bisector` and the normal of the staple, and makes the
        // angle ``goldSulfurCarbon`` with both Au–S bonds.
        let cosine = -cos(goldSulfurCarbon * .pi / 180) / (bisector.dot(u) / u.length)
        let direction = SIMD3(0, side * (1 - cosine * cosine).squareRoot(), 0) - cosine * bisector
        let across = bisector - bisector.dot(direction) * direction
        let angle = turn * .pi / 180
        return MethylGroup().positions(
            at: sulfur, along: direction, turn: cos(angle) * across + sin(angle) * direction.cross(across))
    }
}

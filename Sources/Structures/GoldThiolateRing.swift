public import Atomistics
import Glibc

/// The starting structure of a ring (AuSCH3)_n. The sulfur atoms are at the corners of a regular polygon, alternately
/// above and below its plane, the gold atoms in the middle of its edges; the methyl groups point outwards.
///
/// The structure is not relaxed: distances are idealised. If n is odd, one edge has both sulfur atoms on the same side
/// of the plane.
/// - Source: arXiv:2203.09788, section III.C; bond lengths are our own choice.
public struct GoldThiolateRing: Sendable {
    /// Number of gold atoms.
    public let n: Int
    /// Gold–sulfur bond length, Å.
    public var goldSulfur = 2.35
    /// Distance of each sulfur atom from the plane, Å.
    public var pucker = 1.0
    /// Sulfur–carbon bond length, Å.
    public var sulfurCarbon = 1.83
    /// Carbon–hydrogen bond length, Å.
    public var carbonHydrogen = 1.10

    /// - Precondition: n ≥ 3.
    public init(n: Int) {
        precondition(n >= 3, "a ring has at least three corners")
        self.n = n
    }

    /// The ring: all gold, all sulfur, then carbon and its three hydrogens for each sulfur. It is centred at the
    /// origin.
    public var atoms: Atoms {
        let halfEdge = (goldSulfur * goldSulfur - pucker * pucker).squareRoot()
        let radius = halfEdge / sin(.pi / Double(n))
        let group = MethylGroup(sulfurCarbon: sulfurCarbon, carbonHydrogen: carbonHydrogen)
        var sulfur: [SIMD3<Double>] = []
        var methyl: [SIMD3<Double>] = []
        for k in 0..<n {
            let angle = 2 * .pi * Double(k) / Double(n)
            let outwards = SIMD3(cos(angle), sin(angle), 0)
            let side = k % 2 == 0 ? 1.0 : -1.0
            let position = radius * outwards + SIMD3(0, 0, side * pucker)
            sulfur.append(position)
            let u = 0.6 * outwards + SIMD3(0, 0, 0.8 * side)
            // The rotation of a methyl group about its S–C bond is arbitrary, but the same on every machine.
            methyl += group.positions(at: position, along: u, turn: u.cross([0.3, 0.5, 0.81]))
        }
        let gold = (0..<n).map { (sulfur[$0] + sulfur[($0 + 1) % n]) / 2 }
        let positions = gold + sulfur + methyl
        let centroid = positions.reduce(.zero, +) / Double(positions.count)
        return Atoms(
            elements: Array(repeating: .gold, count: n) + Array(repeating: .sulfur, count: n)
                + (0..<n).flatMap { _ in MethylGroup.elements },
            positions: positions.map { $0 - centroid })
    }
}

/// A methyl group on sulfur, with idealised tetrahedral angles.
struct MethylGroup {
    /// Sulfur–carbon bond length, Å.
    var sulfurCarbon = 1.83
    /// Carbon–hydrogen bond length, Å.
    var carbonHydrogen = 1.10

    static let elements: [Element] = [.carbon, .hydrogen, .hydrogen, .hydrogen]

    /// Returns the positions of carbon and its three hydrogens, Å. The angles S–C–H are 109.5°.
    ///
    /// - Parameters:
    ///   - sulfur: position of the sulfur atom, Å.
    ///   - u: direction from sulfur to carbon, of length 1.
    ///   - turn: the direction, seen along u, in which the first hydrogen lies; only its component perpendicular to u
    ///     matters.
    func positions(at sulfur: SIMD3<Double>, along u: SIMD3<Double>, turn: SIMD3<Double>) -> [SIMD3<Double>] {
        let carbon = sulfur + sulfurCarbon * u
        let across = turn - turn.dot(u) * u
        let first = across / across.length
        let second = u.cross(first)
        let tilt = 70.5 * Double.pi / 180
        return [carbon]
            + (0..<3).map { k in
                let angle = 2 * .pi * Double(k) / 3
                let side = cos(angle) * first + sin(angle) * second
                return carbon + carbonHydrogen * (cos(tilt) * u + sin(tilt) * side)
            }
    }
}

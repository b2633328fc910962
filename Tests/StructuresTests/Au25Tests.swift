import Atomistics
import Foundation
import Structures
import Testing

@Suite struct Au25Tests {
    private let atoms = Au25Cluster().atoms

    private func distances(_ a: Element, _ b: Element, below limit: Double) -> [Double] {
        var found: [Double] = []
        for i in 0..<atoms.count where atoms.elements[i] == a {
            for j in 0..<atoms.count where j != i && atoms.elements[j] == b && (a != b || j > i) {
                let distance = (atoms.positions[i] - atoms.positions[j]).length
                if distance < limit { found.append(distance) }
            }
        }
        return found
    }

    /// Returns the angle i–j–k, degrees.
    private func angle(_ i: Int, _ j: Int, _ k: Int) -> Double {
        let (u, v) = (atoms.positions[i] - atoms.positions[j], atoms.positions[k] - atoms.positions[j])
        return acos(u.dot(v) / (u.length * v.length)) * 180 / .pi
    }

    private func neighbors(of i: Int, _ element: Element, below limit: Double) -> [Int] {
        atoms.elements.indices.filter {
            $0 != i && atoms.elements[$0] == element
                && (atoms.positions[$0] - atoms.positions[i]).length < limit
        }
    }

    @Test("Au25(SCH3)18 has its composition") func composition() {
        #expect(atoms.count == 115)
        for (element, count) in [(Element.gold, 25), (.sulfur, 18), (.carbon, 18), (.hydrogen, 54)] {
            #expect(atoms.elements.count { $0 == element } == count)
        }
        #expect(atoms.positions.reduce(.zero, +).length < 1e-9)
    }

    /// Returns true if the operation moves each of the first `count` atoms onto one of them of the same element.
    private func isSymmetric(_ count: Int, _ operation: (SIMD3<Double>) -> SIMD3<Double>) -> Bool {
        (0..<count).allSatisfy { i in
            let image = operation(atoms.positions[i])
            return (0..<count).contains { j in
                atoms.elements[j] == atoms.elements[i] && (atoms.positions[j] - image).length < 1e-6
            }
        }
    }

    /// All 24 operations of T_h leave gold and sulfur unchanged. A rotation by 90° and one by 72° do not, so the point
    /// group is neither O_h nor I_h.
    @Test("Gold and sulfur of Au25 have the point group T_h") func skeletonSymmetry() {
        let signs: [SIMD3<Double>] = [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
        for sign in signs {
            for inversion in [1.0, -1] {
                let s = inversion * sign
                #expect(isSymmetric(43) { s * $0 })
                #expect(isSymmetric(43) { s * SIMD3($0.z, $0.x, $0.y) })
                #expect(isSymmetric(43) { s * SIMD3($0.y, $0.z, $0.x) })
            }
        }
        #expect(!isSymmetric(43) { SIMD3(-$0.y, $0.x, $0.z) })
        // The thirteen gold atoms of the core have a five-fold axis, but all 25 gold atoms together do not.
        let axis = atoms.positions[1] / atoms.positions[1].length
        func fiveFold(_ r: SIMD3<Double>) -> SIMD3<Double> {
            let angle = 2 * Double.pi / 5
            return cos(angle) * r + sin(angle) * axis.cross(r) + (1 - cos(angle)) * axis.dot(r) * axis
        }
        #expect(isSymmetric(13, fiveFold))
        #expect(!isSymmetric(25, fiveFold))
    }

    /// With the methyl groups the three-fold axes and the inversion centre remain, but the two-fold axes do not.
    @Test("Au25 with methyl groups has the symmetry S6") func fullSymmetry() {
        #expect(isSymmetric(115) { SIMD3($0.z, $0.x, $0.y) })
        #expect(isSymmetric(115) { -$0 })
        #expect(!isSymmetric(115) { SIMD3(-$0.x, -$0.y, $0.z) })
    }

    @Test("Bond lengths of Au25 are those of protected clusters") func bondLengths() {
        // There are twelve distances from the centre, and thirty edges of the icosahedron.
        let goldGold = distances(.gold, .gold, below: 3.0).sorted()
        #expect(goldGold.count == 42)
        #expect(goldGold.allSatisfy { (2.79...2.95).contains($0) })
        // Each of the twelve gold atoms in the staples is near the three gold atoms of a face.
        #expect(distances(.gold, .gold, below: 3.25).count == 42 + 36)
        // Each sulfur atom has two bonds to gold.
        let goldSulfur = distances(.gold, .sulfur, below: 3.2)
        #expect(goldSulfur.count == 36)
        #expect(goldSulfur.allSatisfy { (2.2...2.5).contains($0) })
        for i in 13..<25 {
            let sulfur = neighbors(of: i, .sulfur, below: 2.5)
            #expect(sulfur.count == 2)
            #expect(angle(sulfur[0], i, sulfur[1]) > 165)
        }
        for i in 25..<43 {
            let gold = neighbors(of: i, .gold, below: 2.5)
            #expect(gold.count == 2)
            #expect((80...105).contains(angle(gold[0], i, gold[1])))
        }
    }

    @Test("Methyl groups are tetrahedral and do not overlap") func methylGroups() {
        for i in 25..<43 {
            let carbon = neighbors(of: i, .carbon, below: 2.0)
            #expect(carbon.count == 1)
            for gold in neighbors(of: i, .gold, below: 2.5) {
                #expect(abs(angle(gold, i, carbon[0]) - 104) < 1e-6)
            }
            let hydrogen = neighbors(of: carbon[0], .hydrogen, below: 1.2)
            #expect(hydrogen.count == 3)
            for (k, h) in hydrogen.enumerated() {
                #expect(abs(angle(i, carbon[0], h) - 109.5) < 0.1)
                #expect(abs(angle(h, carbon[0], hydrogen[(k + 1) % 3]) - 109.5) < 0.1)
            }
        }
        #expect(distances(.carbon, .sulfur, below: 2.6).count == 18)
        #expect(distances(.hydrogen, .hydrogen, below: 2.1).count == 54)
        #expect(distances(.gold, .hydrogen, below: 2.6).isEmpty)
        #expect(distances(.gold, .carbon, below: 3.0).isEmpty)
        #expect(GeometryCheck().problems(in: atoms) == [])
    }
}

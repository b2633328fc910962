import Atomistics
import Foundation
import Structures
import Testing

@Suite struct RingTests {
    /// The training data have the first frames of relaxations by GFN1-xTB, which started from the same rings.
    @Test("Rings agree with the training data", arguments: [(4, 0), (5, 36), (6, 70)])
    func ringsAreThoseOfTheTrainingData(_ n: Int, _ frame: Int) throws {
        let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("models/data/rings-pbe-lcao.extxyz")
        let wanted = try ExtXYZ.read(path: data.path)[frame]
        let ring = GoldThiolateRing(n: n).atoms
        #expect(ring.elements == wanted.elements)
        for (a, b) in zip(ring.positions, wanted.positions) { #expect((a - b).length < 1e-6) }
        #expect(GeometryCheck().problems(in: ring, comparedWith: ring).isEmpty)
    }

    @Test("Rings of every size are built", arguments: 3...12)
    func ringsOfEverySize(_ n: Int) throws {
        let ring = GoldThiolateRing(n: n).atoms
        #expect(ring.count == 6 * n)
        #expect(GeometryCheck().problems(in: ring) == [])
        // Each gold atom has two sulfur atoms at the same distance. In a ring with odd n they are nearer on one edge,
        // where both are on the same side of the plane.
        for gold in 0..<n {
            let near = (n..<2 * n).map { (ring.positions[$0] - ring.positions[gold]).length }.sorted()
            #expect(abs(near[0] - near[1]) < 1e-9 && near[1] < 2.36)
        }
    }
}

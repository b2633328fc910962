import Atomistics
import Foundation
import Testing

@Suite struct GeometryTests {
    /// First frames of GFN1-xTB relaxations of the same rings, in the training data.
    @Test(arguments: [(4, 0), (5, 36), (6, 70)])
    func ringsAreThoseOfTheTrainingData(_ n: Int, _ frame: Int) throws {
        let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("models/data/rings-pbe-lcao.extxyz")
        let wanted = try ExtXYZ.read(path: data.path)[frame]
        let ring = GoldThiolateRing(n: n).atoms
        #expect(ring.elements == wanted.elements)
        for (a, b) in zip(ring.positions, wanted.positions) { #expect((a - b).length < 1e-6) }
        #expect(GeometryCheck().problems(in: ring, comparedWith: ring).isEmpty)
    }

    @Test func superpositionUndoesARotation() throws {
        let ring = GoldThiolateRing(n: 5).atoms
        var moved = ring
        let (c, s) = (cos(1.1), sin(1.1))
        moved.positions = ring.positions.map { r in
            let a = SIMD3(c * r.x - s * r.y, s * r.x + c * r.y, r.z)
            return SIMD3(a.x, c * a.y - s * a.z, s * a.y + c * a.z) + SIMD3(3, -4, 5)
        }
        #expect(try Superposition(of: moved, on: ring).rmsd < 1e-12)
        moved.positions[3].x += 1
        let placed = try Superposition(of: moved, on: ring)
        #expect(placed.largestDisplacement > 0.9 && placed.largestDisplacement < 1)
        #expect(throws: StructureError.self) {
            try Superposition(of: GoldThiolateRing(n: 4).atoms, on: ring)
        }
    }

    @Test func gatesNameWhatIsWrong() {
        let ring = GoldThiolateRing(n: 4).atoms
        var clash = ring
        clash.positions[9] = clash.positions[4] + [0, 0, 0.5]
        let problems = GeometryCheck().problems(in: clash).map(\.description)
        #expect(problems == ["atoms S 4 and H 9 are 0.50 Å apart, closer than 0.82 Å"])

        var lost = ring
        for i in 8..<12 { lost.positions[i] += [8, 0, 8] }
        let reasons = GeometryCheck().problems(in: lost, comparedWith: ring).map(\.description)
        #expect(reasons.first == "C 8, H 9, H 10, H 11 have come off the rest")
        #expect(reasons.count == 5, "\(reasons)")

        var broken = ring
        broken.positions[0].x = .nan
        #expect(
            GeometryCheck().problems(in: broken, comparedWith: ring).map(\.description)
                == ["atom Au 0 has a coordinate that is not a number"])
    }
}

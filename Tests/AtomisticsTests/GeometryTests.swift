import Atomistics
import Foundation
import Structures
import TestTags
import Testing

@Suite struct GeometryTests {
    @Test("Superposition reverses a rotation") func superposition() throws {
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

    @Test("An atom displaced beyond the limit is a problem") func displacementLimits() throws {
        var check = GeometryCheck()
        check.maxDisplacement = 0.1
        let copy = try JSONDecoder().decode(GeometryCheck.self, from: JSONEncoder().encode(check))
        #expect(copy == check)
        let ring = GoldThiolateRing(n: 4).atoms
        var moved = ring
        moved.positions[8].z += 0.2
        #expect(GeometryCheck().problems(in: moved, comparedWith: ring).isEmpty)
        #expect(
            check.problems(in: moved, comparedWith: ring).map(\.description).first?.hasPrefix(
                "atom C 8 has moved") == true)
    }

    @Test("The geometry check names every problem", .tags(.fault28)) func fault28Gates() {
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
        broken.positions[0].x = 1e200
        #expect(GeometryCheck().problems(in: broken, comparedWith: ring).count == 1)

        var far = ring
        far.positions[0].x = 1e20
        #expect(
            GeometryCheck().problems(in: far, comparedWith: ring).map(\.description)
                .contains { $0.hasPrefix("atom Au 0 has moved by") })

        // Structures that cannot be checked are refused.
        var flat = ring
        flat.cell = Cell([9, 0, 0], [0, 9, 0], [9, 9, 0])
        flat.periodicity = .all
        #expect(GeometryCheck().problems(in: flat).count == 1)
        #expect(GeometryCheck().problems(in: ring, comparedWith: GoldThiolateRing(n: 5).atoms).count == 1)
    }

    /// Many reasons of one kind are reported in one sentence.
    @Test("Problems of one kind are reported together") func problemsOfOneKindAreGrouped() {
        let ring = GoldThiolateRing(n: 4).atoms
        var torn = ring
        for i in torn.positions.indices where torn.elements[i] == .hydrogen {
            torn.positions[i] += [0, 0, Double(10 + 3 * i)]
        }
        let sentences = GeometryProblem.summaries(of: GeometryCheck().problems(in: torn, comparedWith: ring))
        #expect(sentences.count == 2, "\(sentences)")
        #expect(
            sentences[0].hasPrefix("12 H atoms have come off the rest in 12 fragments (H "), "\(sentences)")
        #expect(sentences[0].hasSuffix("; and 9 more)"), "\(sentences)")
        #expect(sentences[1].contains("have moved further than 3.00 Å (H "), "\(sentences)")
        #expect(GeometryProblem.summaries(of: []).isEmpty)
    }
}

import Atomistics
import Foundation
import Structures
import Testing
import ThiolateGold

@Suite struct StapleUnitTests {
    private static func au38() throws -> Atoms {
        let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("models/data/au38q-pbe-lcao.extxyz")
        return try #require(try ExtXYZ.read(path: data.path).first)
    }

    /// Au38(SCH3)24 Q has three units RS–Au–SR and six units RS–Au–SR–Au–SR, each between two core gold atoms.
    @Test("Staple units of Au38 are found") func unitsOfAu38() throws {
        let atoms = try Self.au38()
        let staples = try StapleUnits(atoms)
        let gold = staples.units.map { unit in unit.count { atoms.elements[$0] == .gold } }
        #expect(gold.sorted() == [1, 1, 1, 2, 2, 2, 2, 2, 2])
        #expect(staples.units.map(\.count).sorted() == [11, 11, 11, 17, 17, 17, 17, 17, 17])
        #expect(staples.anchors.allSatisfy { $0.count == 2 })
        #expect(Set(staples.units.joined()).count + 23 == atoms.count)
    }

    /// Au25(SCH3)18 has six units RS–Au–SR–Au–SR on thirteen core gold atoms.
    @Test("Staple units of Au25 are found") func unitsOfAu25() throws {
        let atoms = Au25Cluster().atoms
        let staples = try StapleUnits(atoms)
        #expect(staples.units.map(\.count) == [17, 17, 17, 17, 17, 17])
        #expect(staples.units.allSatisfy { unit in unit.count { atoms.elements[$0] == .gold } == 2 })
        #expect(Set(staples.anchors.joined()) == Set(1...12))
        #expect(atoms.coreGold.count { $0 } == 13)
    }

    @Test("A pulled unit moves rigidly") func pulledUnit() throws {
        let atoms = try Self.au38()
        let staples = try StapleUnits(atoms)
        let unit = try #require(staples.units.indices.first { staples.units[$0].count == 17 })
        let pulled = atoms.pulling(unit: unit, of: staples, by: 2)
        let shifts = zip(pulled.positions, atoms.positions).map { $0 - $1 }
        for i in 0..<atoms.count {
            #expect(abs(shifts[i].length - (staples.units[unit].contains(i) ? 2 : 0)) < 1e-12)
        }
        // In the paper four gold, three sulfur, three carbon and nine hydrogen atoms move.
        #expect(pulled.moveMask?.count { $0 } == 19)
        #expect(Set(staples.units[unit].map { shifts[$0] }).count <= 17)
        #expect(try StapleUnits(pulled).units[unit] == staples.units[unit])
    }

    @Test("Other elements do not belong to the core") func otherElementsInCore() throws {
        let atoms = Atoms(
            elements: [.gold, .gold, Element(symbol: "N")!, .sulfur],
            positions: [[0, 0, 0], [2.8, 0, 0], [0, 5, 0], [0, 2.3, 0]])
        #expect(atoms.coreGold == [true, true, false, false])
        #expect(atoms.classNames == ["core-gold", "core-gold", nil, "S"])
    }
}

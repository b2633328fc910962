import Atomistics
import ThiolateGold
import Testing

/// Returns a structure with a gold atom at the origin and these neighbours.
private func around(_ neighbours: [(Element, SIMD3<Double>)]) -> Atoms {
    Atoms(
        elements: [.gold] + neighbours.map(\.0),
        positions: [.zero] + neighbours.map(\.1))
}

@Suite struct ClassificationTests {
    @Test("Gold is classified by sulfur and gold within the bond length") func goldClasses() {
        func name(_ neighbours: [(Element, SIMD3<Double>)]) -> String {
            Classification(around(neighbours)).name(0)
        }
        #expect(name([]) == "core-gold")
        #expect(name([(.sulfur, [2.3, 0, 0]), (.sulfur, [-2.3, 0, 0])]) == "unit-gold")
        #expect(name([(.sulfur, [2.3, 0, 0])]) == "half-unit-gold")
        #expect(name([(.sulfur, [2.3, 0, 0]), (.gold, [-2.9, 0, 0])]) == "core-gold")
        #expect(name([(.sulfur, [2.3, 0, 0]), (.gold, [-3.1, 0, 0])]) == "half-unit-gold")
        #expect(name([(.gold, [-2.9, 0, 0])]) == "core-gold")
        // An atom at exactly the bond length is bonded.
        #expect(name([(.sulfur, [3, 0, 0])]) == "half-unit-gold")
        #expect(name([(.sulfur, [3.000001, 0, 0])]) == "core-gold")
    }

    @Test("Gold with two sulfurs and gold is doubtful unit gold") func ambiguousGold() {
        let atoms = around([(.sulfur, [2.3, 0, 0]), (.sulfur, [-2.3, 0, 0]), (.gold, [0, 2.8, 0])])
        let found = Classification(atoms)
        #expect(found.classes[0] == .unitGold && !found.halfUnit[0])
        #expect(found.ambiguousUnits == 1)
    }

    @Test("Other atoms are classified by element") func otherElements() {
        let atoms = Atoms(
            elements: [.sulfur, .carbon, .hydrogen], positions: [.zero, [5, 0, 0], [9, 0, 0]])
        #expect(Classification(atoms).classes == [.sulfur, .carbon, .hydrogen])
        #expect(Classification(atoms).name(2) == "H")
    }

    @Test("A class is kept up to the release length") func hysteresis() {
        let options = Classification.Options(bondLength: 3, releaseLength: 3.2)
        func frame(_ distance: Double) -> Atoms {
            around([(.sulfur, [2.3, 0, 0]), (.sulfur, [-distance, 0, 0]), (.gold, [0, 2.9, 0])])
        }
        let bound = Classification(frame(2.4), options: options)
        #expect(bound.classes[0] == .unitGold)
        let stretched = Classification(frame(3.1), options: options, previous: bound.classes)
        #expect(stretched.classes[0] == .unitGold)
        #expect(Classification(frame(3.1), options: options).classes[0] == .coreGold)
        let released = Classification(frame(3.3), options: options, previous: stretched.classes)
        #expect(released.classes[0] == .coreGold)
        #expect(
            Classification(frame(3.1), options: options, previous: released.classes).classes[0] == .coreGold)
    }
}

import Atomistics
import SOAPPotential
import Testing

@Suite struct RefusalTests {
    @Test("Frames unsuitable for training are refused") func refusesFramesItCannotLearnFrom() throws {
        let (frames, _) = try LabelledRings.split()
        let settings = LabelledRings.settings
        #expect(throws: SOAPPotentialError.noFrames) {
            try SOAPPotential.train(frames: [], settings: settings)
        }
        var unlabelled = frames
        unlabelled[1].forces = nil
        #expect(throws: SOAPPotentialError.noForces(frame: 1)) {
            try SOAPPotential.train(frames: unlabelled, settings: settings)
        }
        var broken = frames
        broken[2].forces?[3].x = .nan
        #expect(throws: SOAPPotentialError.notFinite(frame: 2)) {
            try SOAPPotential.train(frames: broken, settings: settings)
        }
        var mixed = frames
        mixed[0].levelOfTheory = "xTB"
        #expect(throws: SOAPPotentialError.mixedLevelsOfTheory(["PBE", "xTB"])) {
            try SOAPPotential.train(frames: mixed, settings: settings)
        }
        var impossible = settings
        impossible.power = 0
        #expect(throws: SOAPPotentialError.self) {
            try SOAPPotential.train(frames: frames, settings: impossible)
        }
    }

    @Test("Unusable structures are refused") func refusesStructuresItCannotJudge() throws {
        let potential = try LabelledRings.potential()
        let atoms = try LabelledRings.split().held[0]
        var periodic = atoms
        periodic.periodicity = .all
        #expect(throws: StructureError.singularCell) { try potential.predict(periodic) }
        var coincident = atoms
        coincident.positions[5] = coincident.positions[2]
        #expect(throws: ForceFieldError.coincidentAtoms(2, 5)) { try potential.predict(coincident) }
        var broken = atoms
        broken.positions[7].z = .infinity
        #expect(throws: ForceFieldError.notFinite(atom: 7)) { try potential.predict(broken) }
        let nitrogen = try #require(Element(symbol: "N"))
        #expect(
            throws: ForceFieldError.unknownElements(
                [nitrogen], known: [.hydrogen, .carbon, .sulfur, .gold])
        ) {
            try potential.predict(Atoms(elements: [nitrogen], positions: [.zero]))
        }
    }
}

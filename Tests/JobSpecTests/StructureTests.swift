import Atomistics
import JobSpec
import TestTags
import Testing
import YAMLDocument

@Suite struct StructureTests {
    static let water = Atoms(
        elements: [.sulfur, .hydrogen, .hydrogen],
        positions: [SIMD3(0, 0, 0), SIMD3(1.34, 0, 0), SIMD3(-0.05, 1.34, 0)])

    func report(_ lines: String, _ atoms: Atoms) -> String {
        let read = file("aurelax: 1\nstructure: s.xyz\n\(lines)\n")
        return read.report(read.problems(with: atoms))
    }

    static let ml = "stages: [{ml: {}}]"

    @Test("A suitable structure gives no message") func goodStructure() {
        #expect(report(Self.ml, Self.water) == "")
    }

    /// Faults 27 and 28: the structure is refused before any computation.
    @Test("A structure without atoms is refused", .tags(.fault27)) func fault27NoAtoms() {
        let none = Atoms(elements: [], positions: [])
        #expect(
            report(Self.ml, none) == """
                j.yaml:2:12: error: the structure has no atoms
                  structure: s.xyz
                             ^~~~~

                """)
    }

    @Test("Impossible geometries are refused before the computation", .tags(.fault28))
    func fault28Geometry() {
        var atoms = Self.water
        atoms.positions[1] = atoms.positions[0]
        #expect(report(Self.ml, atoms).contains("j.yaml:2:12: error: "))
        #expect(report(Self.ml, atoms).contains("hint: correct the structure before the relaxation"))
        atoms.positions[1].x = .nan
        #expect(report(Self.ml, atoms).contains("error: "))
        atoms = Self.water
        atoms.cell = Cell(SIMD3(9, 0, 0), SIMD3(0, 9, 0), SIMD3(0, 0, 9))
        atoms.periodicity = .all
        #expect(report(Self.ml, atoms).contains("nothing in it is near its images, so it is a molecule"))
        atoms.cell = nil
        #expect(report(Self.ml, atoms).contains("span no volume"))
    }

    @Test("Fixed atoms are removed from those that move") func fixedAtomsAreTakenOutOfThoseThatMove() throws {
        let read = file(
            """
            aurelax: 1
            structure: s.xyz
            stages:
              - ml: {move: [0, 1], fix: {indices: [1, 3], counted_from: 1, elements: [S], below: -0.5}}
              - dft: {fix: [2]}

            """)
        let job = try #require(read.job, "\(read.report)")
        var lists = AtomLists()
        (lists.indices, lists.elements, lists.below) = ([0, 2], ["S"], -0.5)
        guard case .ml(let ml) = job.stages[0], case .dft(let dft) = job.stages[1] else {
            Issue.record("\(job.stages)")
            return
        }
        #expect(ml.move == .excluding(.indices([0, 1]), lists))
        #expect(dft.move.base == .all && dft.move.fixed?.indices == [2])
        // The job does not change when it is printed and read again.
        #expect(JobFile(Array(job.yaml.utf8), file: "j.yaml").job == job, "\(job.yaml)")
        #expect(job.yaml.contains("fix: {elements: [S], indices: [0, 2], below: -0.5}"), "\(job.yaml)")
    }

    @Test("Fixed atoms must exist in the structure") func fixedAtomsFitTheStructure() {
        #expect(report("stages: [{ml: {fix: [0, 3]}}]", Self.water).contains("there is no atom 3\n"))
        #expect(report("stages: [{ml: {fix: {elements: [Au]}}}]", Self.water).contains("there is no Au"))
        #expect(report("stages: [{dft: {fix: {below: 1}}}]", Self.water).contains("‘fix’ fixes every atom"))
        #expect(report("stages: [{dft: {fix: {}}}]", Self.water).contains("‘fix’ selects no atom"))
        #expect(
            file(
                "aurelax: 1\nstructure: s.xyz\nstages: [{ml: {fix: {indices: [0], counted_from: 1}}}]\n"
            ).report.contains("there is no atom 0, because the list counts atoms from 1"))
        #expect(report("stages: [{ml: {fix: {elements: [S]}}}]", Self.water) == "")
    }

    @Test("Selections must fit the structure") func selections() {
        #expect(
            report("stages: [{ml: {move: shell}}]", Self.water).contains(
                "j.yaml:3:22: error: there is no gold in the structure"))
        #expect(
            report("stages: [{ml: {move: core}}]", Self.water).contains("there is no gold in the structure"))
        #expect(
            report("stages: [{ml: {move: [0, 3]}}]", Self.water).contains(
                "there is no atom 3\n")
                && report("stages: [{ml: {move: [0, 3]}}]", Self.water).contains(
                    "hint: the structure has 3 atoms, counted from 0")
        )
        #expect(
            report("stages: [{ml: {}}, {ml: {move: mask}}]", Self.water).contains(
                "the structure has no move_mask"))
        var atoms = Self.water
        atoms.moveMask = [false, false, false]
        #expect(
            report("stages: [{ml: {move: mask}}]", atoms).contains("the structure's move_mask frees no atom"))
        atoms.moveMask = [true, false, false]
        #expect(report("stages: [{ml: {move: mask}}]", atoms) == "")
    }

    @Test("An unused mask is a warning") func unusedMask() {
        var atoms = Self.water
        atoms.moveMask = [true, false, true]
        #expect(
            report(Self.ml, atoms) == """
                j.yaml:2:12: warning: the structure's move_mask fixes atoms, but no stage uses it
                  structure: s.xyz
                             ^~~~~
                  hint: ‘move: mask’ in a stage keeps them fixed

                """)
        #expect(report("stages: [{ml: {}}, {ml: {move: mask}}]", atoms) == "")
        atoms.moveMask = [true, true, true]
        #expect(report(Self.ml, atoms) == "")
    }

    @Test("A charge must leave electrons") func aChargeLeavesElectrons() {
        let proton = Atoms(elements: [.hydrogen], positions: [SIMD3(0, 0, 0)])
        #expect(
            report("charge: 1\n" + Self.ml, proton).hasPrefix(
                "j.yaml:3:9: error: a charge of 1 leaves no electrons\n"))
    }

    @Test("An odd number of electrons is a warning for DFT") func oddElectrons() {
        let dft = "charge: 1\nstages: [{dft: {}}]"
        #expect(report(dft, Self.water).contains("j.yaml:3:9: warning: 17 electrons are an odd number"))
        #expect(!report("charge: 1\n" + Self.ml, Self.water).contains("electrons"))
    }

    @Test("A charge is a warning for models, not for engines") func chargeWarning() {
        let told = report("charge: -2\n" + Self.ml, Self.water)
        #expect(told.contains("j.yaml:3:9: warning: models ignore the charge: -2"))
        let engine = report("charge: -2\nstages: [{ml: {engine: gfn1}}]", Self.water)
        #expect(!engine.contains("charges"), "\(engine)")
        #expect(report("charge: -2\nstages: [{dft: {}}]", Self.water) == "")
    }
}

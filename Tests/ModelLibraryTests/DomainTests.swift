import Atomistics
import Foundation
import ModelLibrary
import OrderedCollections
import Testing

@Suite struct DomainTests {
    /// Trains a small potential on methylthiolate rings. Its expected errors are calibrated on other molecules.
    private func rings(_ scratch: borrowing ScratchLibrary, _ name: String = "thiolate-gold") throws {
        let others = "\(ScratchLibrary.models)/data/fragments-pbe-lcao.extxyz"
        let text = ScratchLibrary.potential(name).replacing(
            "fit: training", with: "  - {file: \(others), calibration: [\"0:60:4\"]}\nfit: training")
        _ = try scratch.add(name, text).train()
    }

    private func frames(_ file: String) throws -> [Atoms] {
        try ExtXYZ.read(path: "\(ScratchLibrary.models)/data/\(file)-pbe-lcao.extxyz")
    }

    /// Returns the name of the molecule that a frame shows.
    private func kind(_ atoms: Atoms) -> String {
        if case .string(let name)? = atoms.info["config_type"] { name } else { "" }
    }

    private static let shipped = "\(ScratchLibrary.models)/thiolate-gold/thiolate-gold.aurelax-model"

    @Test(
        "The shipped potential knows its own molecules and refuses other ligands and bare gold",
        .enabled(if: FileManager.default.fileExists(atPath: shipped)))
    func aPotentialRefusesWhatItDoesNotKnow() throws {
        let model = try ModelLibrary(searchPath: []).load(Self.shipped)
        let own = try DomainCheck(model, frames("rings")[12])
        #expect(own.outsideCount == 0 && own.problem == nil && !own.isRefused)

        let ethyl = try #require(try frames("fragments").first { kind($0) == "ethyl3" })
        let check = try DomainCheck(model, ethyl)
        #expect(check.isRefused && check.share > DomainCheck.refusedShare)
        let problem = try #require(check.problem)
        #expect(
            problem.contains(
                "atoms of \(ethyl.count) are out of the domain of thiolate-gold; errors of its forces"))

        let gold = try #require(try frames("fragments").first { kind($0) == "au8" })
        #expect(try DomainCheck(model, gold).outsideCount > 0)
    }

    /// Of Au25 built by symmetry, 6 of 115 atoms are out of domain; of the copper ring 4 of 24; of the ring with p-MBA
    /// 14 of 64.
    @Test(
        "A model that knows four fifths of a drawn structure is the base of its relaxation",
        .enabled(if: FileManager.default.fileExists(atPath: shipped)),
        arguments: [
            ("thiolate-gold", "au25/au25", true), ("gold-ligands", "learning-relaxation/ring4-cu", true),
            ("gold-ligands", "learning-relaxation/ring4-tbu", true),
            ("gold-ligands", "learning-relaxation/ring4-pmba", false),
            ("thiolate-gold", "learning-relaxation/ring4-ethyl", false),
        ])
    func theBaseKnowsNearlyAll(name: String, file: String, isBase: Bool) throws {
        let model = try ModelLibrary(searchPath: []).load(
            "\(ScratchLibrary.models)/\(name)/\(name).aurelax-model")
        let atoms = try #require(
            try ExtXYZ.read(path: "\(ScratchLibrary.models)/../workflows/\(file).xyz").first)
        let check = try DomainCheck(model, atoms)
        #expect(check.isBase == isBase, "\(check.share)")
    }

    @Test(
        "A model that expects large errors of its forces is no base, even if no atom is out of domain",
        .enabled(if: FileManager.default.fileExists(atPath: shipped)))
    func largeExpectedErrorsAreRefused() throws {
        let model = try ModelLibrary(searchPath: []).load(Self.shipped)
        let ring = try frames("rings")[12]
        var prediction = try model.predict(ring)
        let force = (prediction.forces.reduce(0) { $0 + $1.squaredLength } / Double(ring.count)).squareRoot()
        let limit = max(DomainCheck.refusedError, DomainCheck.refusedRatio * force)
        for (factor, isKnown) in [(0.9, true), (1.1, false)] {
            prediction.uncertainty = [Double](repeating: factor * limit, count: ring.count)
            let check = DomainCheck(model, ring, prediction)
            #expect(check.share == 0 && check.isBase == isKnown && check.isRefused != isKnown, "\(factor)")
        }
    }

    @Test("A force far beyond the training data is reported with its atom")
    func aWildForceIsRefused() throws {
        let scratch = try ScratchLibrary()
        try rings(scratch)
        let model = try scratch.library.load("thiolate-gold")
        var ring = try frames("rings")[12]
        let hydrogen = try #require(ring.elements.firstIndex(of: .hydrogen))
        let carbon = try #require(
            ring.positions.indices.filter { ring.elements[$0] == .carbon }.min {
                (ring.positions[$0] - ring.positions[hydrogen]).length
                    < (ring.positions[$1] - ring.positions[hydrogen]).length
            })
        ring.positions[hydrogen] = ring.positions[carbon] + SIMD3(0.45, 0, 0)
        let check = try DomainCheck(model, ring)
        #expect(check.isRefused)
        #expect(try #require(check.problem).contains("but its training data has at most"))
    }

    @Test("The automatic model is the first that knows the structure")
    func theAutomaticModelIsChosenByTheStructure() throws {
        let scratch = try ScratchLibrary()
        try rings(scratch)
        let own = try frames("rings")[12]
        let silver = try #require(try frames("fragments").first { kind($0) == "ag4" })
        // If only one model has been trained, that model is chosen, even for silver.
        #expect(try scratch.library.load("auto", for: silver).provenance.name == "thiolate-gold")
        let wide = """
            aurelax_recipe: 1
            name: gold-ligands
            kind: soap-potential
            level_of_theory: \(ScratchLibrary.level)
            data:
              - {file: \(ScratchLibrary.models)/data/fragments-pbe-lcao.extxyz, frames: ["0:217:9"]}
            descriptor: {r_cut: 4, n_max: 4, l_max: 2, sigma: 0.35, cutoff_radius: 4.5, cutoff_width: 4.5}
            inducing: {default: 24}
            priors: [3]

            """
        _ = try scratch.add("gold-ligands", wide).train()
        #expect(try scratch.library.load("auto", for: own).provenance.name == "thiolate-gold")
        #expect(try scratch.library.load("auto", for: silver).provenance.name == "gold-ligands")
        #expect(try scratch.library.load("thiolate-gold", for: silver).provenance.name == "thiolate-gold")
    }

    @Test("Expected errors are correct for molecules absent from the training data")
    func expectedErrorsHoldFarFromTheData() throws {
        let scratch = try ScratchLibrary()
        try rings(scratch)
        let model = try scratch.library.load("thiolate-gold")
        // The model is calibrated on butyl rings and bare gold, and tested on phenyl and t-butyl rings, a thiol and a
        // disulfide.
        let tested = Set(["phenyl3", "tbutyl3", "petsh", "etssme"])
        let unseen = try frames("fragments").filter { tested.contains(kind($0)) }
        let table = try Evaluation(ForceComparison(model, on: unseen) { _ in })
        let row = try #require(table.rows["all"])
        #expect(row.withinTwice ?? 0 > 0.8 && row.meanError > 0.5)
    }
}

import Foundation
import ModelLibrary
import SOAPPotential
import Testing
import ThiolateGold

@Suite struct RecipeTests {
    func report(_ text: String) -> String {
        RecipeFile(Array(text.utf8), file: "models/m/recipe.yaml").report
    }

    @Test(
        "The project's own recipes are read",
        arguments: ["thiolate-gold", "gold-ligands", "thiolate-gold-oamlm", "thiolate-gold-vector"])
    func theProjectsOwnRecipesAreRead(name: String) throws {
        let path = "\(ScratchLibrary.models)/\(name)/recipe.yaml"
        let read = RecipeFile(Array(try Data(contentsOf: URL(fileURLWithPath: path))), file: path)
        let recipe = try #require(read.recipe, "\(read.report)")
        #expect(recipe.name == name && read.diagnostics.isEmpty)
        let data = try TrainingData(recipe)
        let counts = name == "gold-ligands" ? (358, 119) : (100, 28)
        #expect((data.training.count, data.validation.count) == counts)
        // The model thiolate-gold is not trained on other molecules, but its expected errors are calibrated on them.
        #expect(data.calibration.count == (name == "thiolate-gold" ? 314 : 0))
        #expect(recipe.modelPath == "\(ScratchLibrary.models)/\(name)/\(name).aurelax-model")
        switch recipe.method {
        case .soapPotential(var settings):
            if name == "gold-ligands" {
                #expect(settings.inducing == 300)
                #expect(settings.inducingByElement == ["H": 500, "C": 500, "S": 500, "Au": 600])
                let usual = SOAPPotentialSettings()
                (settings.inducing, settings.inducingByElement) = (usual.inducing, usual.inducingByElement)
            }
            #expect(settings == .init())
        case .oamlm(let options):
            var paper = options
            #expect(paper.alternatives.count == 24)
            paper.alternatives = []
            #expect(paper == .init())
        case .vectorKernel(let options): #expect(options == .init())
        }
    }

    @Test("All mistakes are reported at once") func everyMistakeAtOnce() {
        let text = """
            aurelax_recipe: 1
            name: m
            kind: soap-potential
            level_of_theory: PBE
            data:
              - file: a.extxyz
                validation: ["5:x"]
            fits: all
            power: 0
            priors: [2, -1]
            inducing: {Xx: 5}

            """
        #expect(
            report(text) == """
                models/m/recipe.yaml:7:18: error: ‘5:x’ is not a range of frames
                      validation: ["5:x"]
                                   ^~~~~
                  hint: write start:end, start:end:step or one index
                models/m/recipe.yaml:8:1: error: there is no key ‘fits’ here
                  fits: all
                  ^~~~
                  hint: did you mean ‘fit’?
                models/m/recipe.yaml:9:8: error: expected an integer from 1 to 12, found 0
                  power: 0
                         ^
                models/m/recipe.yaml:10:13: error: expected a number above 0 and at most 10000, found -1
                  priors: [2, -1]
                              ^~
                models/m/recipe.yaml:11:12: error: there is no key ‘Xx’ here
                  inducing: {Xx: 5}
                             ^~
                  hint: did you mean ‘Xe’?

                """)
    }

    @Test("An unknown kind does not hide other mistakes") func unknownKind() {
        let text = "aurelax_recipe: 1\nname: m\nkind: oamlmm\nlevel_of_theory: PBE\nnorm: {references: 4}\n"
        let report = report(text)
        #expect(report.contains("did you mean ‘oamlm’?"))
        #expect(report.contains("the key ‘data’ is missing"))
        #expect(!report.contains("norm"))
    }

    @Test("Solvers of directions are read by name") func directionsByName() {
        let text = ScratchLibrary.oamlm("m")
            .replacingOccurrences(of: "ridge:0.2", with: "rigde:0.2")
        #expect(report(text).contains("‘rigde:0.2’ is not a method for directions"))
    }

    @Test("Frames may be sampled by a logarithm") func framesSampledByALogarithm() throws {
        let scratch = try ScratchLibrary()
        let text = ScratchLibrary.oamlm("m").replacingOccurrences(
            of: "    validation:", with: "    sample: 5\n    validation:")
        let data = try TrainingData(scratch.add("m", text))
        let rings = try ScratchLibrary.rings()
        // Five of the frames 10 to 20 are sampled, more of them towards the end. Held-out frames are not sampled.
        #expect(data.training.map { frame in rings.firstIndex(of: frame) } == [10, 15, 18, 19, 20])
        #expect(data.validation == Array(rings[21..<24]))
        #expect(report(text.replacingOccurrences(of: "sample: 5", with: "sample: 0")).contains("sample"))
    }

    @Test("The original machine is read by name") func theOriginalMachineByName() throws {
        let scratch = try ScratchLibrary()
        let recipe = try scratch.add("m", ScratchLibrary.oamlm("m") + "norm: {objective: multilateration}\n")
        guard case .oamlm(let options) = recipe.method else {
            Issue.record("the recipe has another kind")
            return
        }
        #expect(options.objective == .multilateration)
        let report = try recipe.train()
        let hydrogen = try #require(report.validation?.rows["H"])
        #expect(hydrogen.normRMSE < hydrogen.referenceRMS)
        try scratch.library.verify("m")
        #expect(Set(hydrogen.indicators.keys).isSuperset(of: ["expected", "u1-support", "u4-nearest"]))
    }

    @Test("Frames are given as ranges") func framesAsRanges() throws {
        func frames(_ text: String) -> [Int]? {
            FrameRange(text).map { range in (0..<10).filter(range.contains) }
        }
        #expect(frames("3") == [3])
        #expect(frames("2:5") == [2, 3, 4])
        #expect(frames("7:") == [7, 8, 9])
        #expect(frames(":2") == [0, 1])
        #expect(frames("1:9:3") == [1, 4, 7])
        for bad in ["", "-1", "a", "1:2:0", "1:2:3:4", "1.5"] { #expect(frames(bad) == nil, "\(bad)") }
        for text in ["3", "2:5", "7:", "1:9:3"] { #expect(FrameRange(text)?.description == text) }
    }
}

import Atomistics
import Foundation
import ModelFile
import ModelLibrary
import OrderedCollections
import Testing

@Suite struct TrainingTests {
    @Test("References are selected among the number of candidates that the recipe states")
    func candidates() throws {
        let scratch = try ScratchLibrary()
        let ring = try ScratchLibrary.rings()[21]
        func forces(_ name: String, _ line: String) throws -> [SIMD3<Double>] {
            // The first references of the norms are also the references of the directions.
            let text = ScratchLibrary.recipe("oamlm", name).replacing(
                "descriptor:", with: "\(line)norm: {references: 60}\ndescriptor:")
            _ = try scratch.add(name, text).train()
            return try scratch.library.load(name).predict(ring).forces
        }
        let all = try forces("all", "")
        #expect(try forces("plenty", "candidates: 1000\n") == all)
        let drawn = try forces("drawn", "candidates: 1\n")
        #expect(drawn != all)
        #expect(try forces("again", "candidates: 1\n") == drawn)
    }

    @Test(
        "The same recipe gives the same bytes, and the model is read again",
        arguments: ["soap-potential", "oamlm", "vector-kernel"])
    func theSameRecipeGivesTheSameBytesAndTheModelComesBack(kind: String) throws {
        let scratch = try ScratchLibrary()
        let text = ScratchLibrary.recipe(kind, "m")
        let recipe = try scratch.add("m", text)
        let report = try recipe.train()
        #expect(report.path == scratch.path + "/m/m.aurelax-model")
        #expect((report.frames, report.validationFrames) == (11, 3))
        let again = scratch.path + "/again.aurelax-model"
        #expect(try recipe.train(writeTo: again).version == report.version)
        #expect(FileManager.default.contentsEqual(atPath: report.path, andPath: again))

        let model = try scratch.library.load("m")
        try scratch.library.verify("m")
        #expect(model.provenance.kind == kind)
        #expect(model.provenance.version == report.version)
        #expect(model.provenance.levelOfTheory == ScratchLibrary.level)
        // The errors in the report are those of the model after it was loaded.
        let held = Array(try ScratchLibrary.rings()[21..<24])
        let evaluation = try Evaluation(model, on: held)
        let examined = try #require(report.validation)
        #expect(evaluation.rows.keys == examined.rows.keys)
        #expect(Array(report.validationByFile.values) == [examined])
        for (name, row) in evaluation.rows {
            let other = try #require(examined.rows[name])
            #expect(abs(row.componentRMSE - other.componentRMSE) < 1e-9)
        }
        let hydrogen = try #require(evaluation.rows["H"])
        #expect(hydrogen.componentRMSE < 0.4 * hydrogen.referenceRMS)
        #expect((evaluation.energies != nil) == (kind == "soap-potential"))
        let description = try scratch.library.describe("m")
        #expect(description.version == report.version && description.hasEnergy == (kind == "soap-potential"))
        let data = try #require(description.data.values.first)
        #expect(data.hasPrefix("11 training and 3 validation frames, sha256 "))
    }

    @Test("The final fit uses all frames", arguments: ["soap-potential", "oamlm", "vector-kernel"])
    func fittedToAllFramesAfterTheExamination(kind: String) throws {
        let scratch = try ScratchLibrary()
        let text = ScratchLibrary.recipe(kind, "m", fit: "all")
        let report = try scratch.add("m", text).train()
        #expect(report.frames == 14)
        let held = Array(try ScratchLibrary.rings()[21..<24])
        let learnt = try #require(try Evaluation(scratch.library.load("m"), on: held).rows["all"])
        let examined = try #require(report.validation?.rows["all"])
        #expect(learnt.componentRMSE < examined.componentRMSE)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/m").sorted()
                == ["m.aurelax-model", "recipe.yaml"])
    }

    @Test("Unsuitable data are refused") func wrongData() throws {
        let scratch = try ScratchLibrary()
        let text = ScratchLibrary.potential("m")
        func failure(_ old: String, _ new: String) -> String {
            do {
                _ = try scratch.add("m", text.replacingOccurrences(of: old, with: new)).train()
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(
            failure("\"10:24\"", "\"90:100\"").hasSuffix(
                "has 94 frames (0 to 93); the recipe selects 90:100"))
        #expect(failure("\"21:24\"", "\"0:\"").contains("has no training frames"))
        #expect(
            failure("level_of_theory: GPAW", "level_of_theory: VASP").contains(
                "levels of theory must not be mixed"))
        #expect(failure("rings-pbe", "strings-pbe").contains("cannot open"))
        var frames = try ScratchLibrary.rings()
        for i in 12..<15 { frames[i].info["charge"] = .integer(-1) }
        try Data(ExtXYZ.bytes(of: frames)).write(to: URL(fileURLWithPath: scratch.path + "/charged.extxyz"))
        let rings = try #require(text.split(separator: " ").first { $0.contains("rings-pbe") })
        #expect(
            failure(rings.trimmingCharacters(in: .whitespacesAndNewlines), scratch.path + "/charged.extxyz")
                .contains("charges of -1, 0: a model supports one charge"))
    }

    /// The progress never decreases, and ends near 1.
    @Test(
        "Progress only grows", arguments: ["soap-potential", "oamlm", "vector-kernel"], ["training", "all"])
    func progressOnlyGrows(kind: String, fit: String) throws {
        let scratch = try ScratchLibrary()
        let recipe = try scratch.add("m", ScratchLibrary.recipe(kind, "m", fit: fit))
        var (fractions, lines) = ([Double](), 0)
        let progress = TrainingProgress { news in
            switch news {
            case .fraction(let fraction): fractions.append(fraction)
            case .line: lines += 1
            }
        }
        let report = try recipe.train(progress: progress)
        #expect(report.path.hasPrefix(scratch.path))
        #expect(fractions.count > 10 && lines > 1)
        #expect(fractions == fractions.sorted() && (fractions.first ?? 1) < 0.1)
        #expect((0.8...1).contains(fractions.last ?? 0), "\(fractions)")
    }

    @Test("A teacher labels structures, and the trained model's level of theory names it")
    func teacher() throws {
        let scratch = try ScratchLibrary()
        let version = try scratch.add("teacher", ScratchLibrary.potential("teacher")).train().version
        let taught = try ScratchLibrary.rings()[30..<34].map { frame in
            var plain = frame
            (plain.forces, plain.energy, plain.levelOfTheory) = (nil, nil, nil)
            return plain
        }
        try Data(ExtXYZ.bytes(of: taught)).write(to: URL(fileURLWithPath: scratch.path + "/plain.extxyz"))
        func recipe(_ more: String) -> String {
            ScratchLibrary.oamlm("pupil").replacingOccurrences(
                of: "fit: training",
                with:
                    "  - {file: ../plain.extxyz, teacher: ../teacher/teacher.aurelax-model\(more)}\nfit: training"
            )
        }
        let alone = try scratch.add("alone", ScratchLibrary.oamlm("alone")).train()
        let report = try scratch.add("pupil", recipe("")).train()
        #expect((report.frames, report.validationFrames) == (15, 3))
        #expect(report.validation != alone.validation)
        let model = try scratch.library.load("pupil")
        #expect(
            model.provenance.levelOfTheory
                == ScratchLibrary.level + ", taught by teacher \(version.prefix(12))")
        // The trained model reproduces its teacher instead of DFT.
        let teacher = try scratch.library.load("teacher")
        let forces = try teacher.predict(taught[0]).forces
        var labelled = taught[0]
        labelled.forces = forces
        let onTaught = try Evaluation(model, on: [labelled])
        let hydrogen = try #require(onTaught.rows["H"])
        #expect(hydrogen.componentRMSE < 0.15 * hydrogen.referenceRMS)

        #expect {
            _ = try scratch.add("held", recipe(", validation: [\"0:1\"]")).train()
        } throws: { "\($0)".contains("cannot show how accurate a model is") }
    }

    @Test("Damaged models are refused") func damagedModelsAreRefused() throws {
        let scratch = try ScratchLibrary()
        let report = try scratch.add("m", ScratchLibrary.potential("m")).train()
        let url = URL(fileURLWithPath: report.path)
        var bytes = Array(try Data(contentsOf: url))
        try Data(bytes.dropLast(100)).write(to: url)
        #expect(throws: ModelFileError.self) { try scratch.library.load("m") }
        bytes[bytes.count - 200] ^= 4
        try Data(bytes).write(to: url)
        #expect(throws: ModelFileError.self) { try scratch.library.verify("m") }
        try Data("not a model".utf8).write(to: url)
        #expect(throws: ModelFileError.notAModelFile(path: report.path)) { try scratch.library.load("m") }
    }
}

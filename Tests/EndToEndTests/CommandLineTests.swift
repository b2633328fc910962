import Foundation
import SystemPackage
import Testing

@Suite struct CommandLineTests {
    @Test("Five mistakes are reported at once with carets") func diagnostics() async throws {
        let spool = try Spool()
        let job = """
            aurelax: 1
            name: five/mistakes
            structure: ring4.xyz
            charge: none
            stages:
              - ml: {optimiser: bfgs, fmax: -0.1}
              - dft: {mode: wavelet}

            """
        let file = spool.path.appending("five.yaml").string
        try job.write(toFile: file, atomically: true, encoding: .utf8)
        let result = try await Program.run(["validate", file])
        #expect(result.status == 1)
        let text = result.output + result.errors
        for place in ["2:7", "4:9", "6:10", "6:33", "7:17"] {
            #expect(text.contains("five.yaml:\(place): error:"), "no error at \(place) in\n\(text)")
        }
        #expect(text.split(separator: "\n").count { $0.contains("^") } == 5)
        #expect(text.contains("optimizer"), "no hint for a misspelt key in\n\(text)")
    }

    @Test("Every command has help, and wrong usage is status 2") func helpAndUsage() async throws {
        let commands = [
            "daemon", "submit", "validate", "status", "show", "log", "compare", "cancel", "schema", "relax",
            "predict", "train", "descriptor", "convert", "build", "dft",
            "doctor", "recover",
        ]
        for command in commands {
            let help = try await Program.run([command, "--help"])
            #expect(help.status == 0, "\(command) --help: \(help.errors)")
            #expect(help.output.contains("OVERVIEW:"), "\(command) --help: \(help.output)")
            let wrong = try await Program.run([command, "--no-such-option"])
            #expect(wrong.status == 2, "\(command) --no-such-option: \(wrong.status)")
        }
    }

    @Test("The printed schemas are JSON") func schemaIsJSON() async throws {
        let result = try await Program.run(["schema", "job"])
        #expect(result.status == 0)
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
    }

    @Test("A ring is built, converted and described") func structureCommands() async throws {
        let spool = try Spool()
        let ring = spool.path.appending("ring.xyz").string
        #expect(try await Program.run(["build", "ring", "--n", "5", "-o", ring]).status == 0)
        let twice = spool.path.appending("twice.xyz").string
        let text = try #require(spool.text("ring.xyz"))
        try (text + text).write(toFile: twice, atomically: true, encoding: .utf8)
        let last = try await Program.run(["convert", twice, "-", "--frames", "-1"])
        #expect(last.output == text)
        let array = spool.path.appending("X.npy").string
        let described = try await Program.run(["descriptor", ring, "-o", array])
        #expect(described.status == 0, "\(described.errors)")
        #expect(described.errors.contains("30 × 2030"))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: array))
        #expect(bytes.count == 128 + 30 * 2030 * 8)
    }

    @Test("A broken structure is refused with its place") func brokenStructure() async throws {
        let spool = try Spool()
        let file = spool.path.appending("bad.xyz").string
        try "2\n\nAu 0 0 0\nAu 0 zero 1\n".write(toFile: file, atomically: true, encoding: .utf8)
        let result = try await Program.run(["convert", file, "-"])
        #expect(result.status == 1)
        #expect(result.errors.contains("bad.xyz:4:6"), "\(result.errors)")
    }

    @Test("Relaxation and prediction work without a daemon", .enabled(if: Available.slow))
    func relaxAndPredict() async throws {
        let spool = try Spool()
        let ring = spool.path.appending("ring.xyz").string
        let relaxed = spool.path.appending("relaxed.extxyz").string
        _ = try await Program.run(["build", "ring", "--n", "4", "-o", ring])
        let result = try await Program.run(["relax", ring, "-o", relaxed, "--fmax", "0.05"])
        #expect(result.status == 0, "\(result.errors)")
        let text = try #require(spool.text("relaxed.extxyz"))
        #expect(text.contains("ml_forces:R:3"))
        #expect(!text.contains(":forces:R:3"), "a prediction under the name of a DFT value")
        let predicted = try await Program.run(["predict", ring, "-o", "-"])
        #expect(predicted.status == 0, "\(predicted.errors)")
        #expect(predicted.output.contains("ml_class:S:1"))
        #expect(!(result.errors + predicted.errors).contains { "\r\u{1B}".contains($0) })
        let unconverged = try await Program.run(["relax", ring, "-o", relaxed, "--max-steps", "2"])
        #expect(unconverged.status == 8)
    }

    @Test(
        "Absurd numbers are refused with the option that has them",
        arguments: [
            ["convert", "x.xyz", "-", "--frames", "9223372036854775807"],
            ["dft", "run", "x", "--ranks", "0"],
            ["daemon", "--interval", "inf"], ["daemon", "--jobs", "0"], ["watch", "--interval", "nan"],
        ])
    func numbersHaveRanges(_ arguments: [String]) async throws {
        let result = try await Program.run(arguments)
        #expect(result.status == 2, "\(arguments): \(result.errors)")
    }

    @Test("A negative charge is a value, not an option") func negativeCharge() async throws {
        let spool = try Spool()
        try spool.drop("aurelax.yaml", "aurelax: 1\n")
        for command in ["relax", "predict", "md"] {
            let result = try await Program.run([
                command, "h2.xyz", "-o", "-", "--charge", "-1", "--engine", "none", "--engines",
                spool.path.appending("inbox/aurelax.yaml").string,
            ])
            #expect(result.status != 2 && !result.errors.contains("--charge"), "\(result.errors)")
        }
    }

    @Test("Training uses additional frames") func trainWithData() async throws {
        let spool = try Spool()
        let rings = Program.project.appending("models/data/rings-pbe-lcao.extxyz").string
        let (first, more) = (spool.path.appending("a.extxyz").string, spool.path.appending("b.extxyz").string)
        _ = try await Program.run(["convert", rings, first, "--frames", ":8"])
        _ = try await Program.run(["convert", rings, more, "--frames", "8:12"])
        let recipe = spool.path.appending("recipe.yaml").string
        try """
        aurelax_recipe: 1
        name: small
        kind: oamlm
        level_of_theory: GPAW 26.7.0 PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic
        data: [{file: a.extxyz, validation: ["6:8"]}]

        """.write(toFile: recipe, atomically: true, encoding: .utf8)
        // A data set can be given in place of a file.
        let set = spool.path.appending("set").string
        #expect(try await Program.run(["dataset", "add", set, more]).output.contains("4 frames added"))
        let trained = try await Program.run(["train", recipe, "--data", set, "--json"])
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.errors.contains("10 training frames, 2 held-out frames"), "\(trained.errors)")
        #expect(!trained.errors.contains { "\r\u{1B}".contains($0) }, "control characters in a pipe")
        let model = spool.path.appending("small.aurelax-model").string
        let info = try await Program.run(["model", "info", model])
        #expect(info.output.contains("set: 4 training and 0 validation frames"), "\(info.output)")

        // Frames labelled by another method must not be taken for DFT frames.
        let text = try #require(spool.text("b.extxyz"))
        try text.replacingOccurrences(of: "PBE", with: "BLYP")
            .write(toFile: more, atomically: true, encoding: .utf8)
        let mixed = try await Program.run(["train", recipe, "--data", more])
        #expect(mixed.status == 1 && mixed.errors.contains("levels of theory must not be mixed"))
    }
}

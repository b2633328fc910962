import Atomistics
import Descriptors
import Dispatch
import Foundation
import MinimalLearning
import ModelLibrary
import Synchronization
import Testing
import ThiolateGold

@Suite struct ScanTests {
    /// Returns the text of a small scan over five frames of a ring with n = 4 and five of a ring with n = 5.
    static func text(sigma: String = "[0.5]", file: String? = nil, more: String = "") -> String {
        let file = file ?? "\(ScratchLibrary.models)/data/rings-pbe-lcao.extxyz"
        return """
            aurelax_scan: 1
            name: small
            level_of_theory: \(ScratchLibrary.level)
            structures:
              - {name: four, file: \(file), frames: ["10:15"]}
              - {name: five, file: \(file), frames: ["50:55"]}
            grids:
              - {classes: [S, H], r_cut: [4], sigma: \(sigma), n_max: [2, 3], l_max: [0, 2]}
              - {classes: [unit-gold], r_cut: [4], sigma: [0.5], n_max: [2], l_max: [2]}
            references: 60
            \(more)

            """
    }

    static func scan(_ text: String, in directory: String) throws -> Scan {
        let read = ScanFile(Array(text.utf8), file: directory + "/scan.yaml")
        return try #require(read.scan, "\(read.report)")
    }

    @Test("Every descriptor occurs once with the classes of all grids") func points() throws {
        let points = try Self.scan(Self.text(sigma: "[0.5, 0.25]"), in: ".").points
        #expect(points.count == 8)
        let shared = points.filter { $0.classes.contains(.unitGold) }
        #expect(shared.count == 1)
        #expect(shared.first?.classes == [.sulfur, .hydrogen, .unitGold])
        #expect(
            shared.first?.soap
                == SOAPSettings(species: SOAPSettings.paper.species, rCut: 4, nMax: 2, lMax: 2, sigma: 0.5))
    }

    @Test("The scan of the paper has all its sets") func thePapersScanIsComplete() throws {
        let folder = URL(fileURLWithPath: ScratchLibrary.models).deletingLastPathComponent()
            .appendingPathComponent("workflows/soap-scan").path
        func scan(_ name: String) throws -> Scan {
            let path = "\(folder)/\(name).yaml"
            let read = ScanFile(Array(try Data(contentsOf: URL(fileURLWithPath: path))), file: path)
            return try #require(read.scan, "\(read.report)")
        }
        let full = try scan("scan")
        #expect(full.grids.map(\.count) == [240, 60] && full.points.count == 240)
        #expect(full.pairs.map { $0.0.name } == ["cluster", "rings"])
        #expect(try scan("reduced").points.count == 36)
        let directions = try scan("directions")
        #expect(directions.points.count == 6 && directions.directions)
        #expect(directions.options.classes == OAMLMOptions().classes)
    }

    /// Each process computes one parameter set, like an element of a job array, while other processes add to the same
    /// file of results.
    @Test("Processes share the parameter sets") func sharedSets() throws {
        let library = try ScratchLibrary()
        let scan = try Self.scan(Self.text(), in: library.path)
        let path = library.path + "/shared.jsonl"
        #expect(try scan.missingSets(resultsAt: path) == [1, 2, 3, 4])
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 3) { k in
            do {
                _ = try scan.run(set: [2, 4, 2][k], resultsAt: path)
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try scan.missingSets(resultsAt: path) == [1, 3])
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 3, "a header and a line per set")
        // The last line is incomplete, as after a kill. Its parameter set is computed again; the sets of complete lines
        // are not.
        try (lines.joined(separator: "\n") + "\n{\"torn").write(
            toFile: path, atomically: true, encoding: .utf8)
        _ = try scan.run(set: 1, resultsAt: path)
        let whole = try scan.run(resultsAt: path)
        let expected = try scan.run(resultsAt: library.path + "/alone.jsonl")
        #expect(whole.map(\.descriptor) == expected.map(\.descriptor))
        #expect(whole.map(\.entries) == expected.map(\.entries))
        let error = #expect(throws: ScanError.self) { try scan.run(set: 5, resultsAt: path) }
        #expect(error?.description == "there is no parameter set 5; choose 1 to 4")
    }

    @Test("An interrupted scan resumes") func resumes() throws {
        let scratch = try ScratchLibrary()
        let scan = try Self.scan(Self.text(), in: scratch.path)
        let whole = try scan.run()
        #expect(whole.count == 4 && scan.resultsPath == scratch.path + "/small.results.jsonl")
        for record in whole {
            for entry in record.entries {
                let score = try #require(entry.score)
                #expect(score.normError > 0 && score.forceError == nil && score.atoms >= 20)
            }
        }
        // All results exist, so nothing is computed and no line is added to the file.
        let url = URL(fileURLWithPath: scan.resultsPath)
        let written = try Data(contentsOf: url)
        let seen = Mutex<[ScanProgress]>([])
        #expect(try scan.run { p in seen.withLock { $0.append(p) } } == whole)
        #expect(seen.withLock { $0.map(\.done) } == [4])
        #expect(try Data(contentsOf: url) == written)
        // The last line is truncated, as after a kill. Its parameter set is computed again; the other lines are kept.
        try written.dropLast(30).write(to: url)
        seen.withLock { $0 = [] }
        let again = try scan.run { p in seen.withLock { $0.append(p) } }
        #expect(seen.withLock { $0.map(\.done) } == [3, 4])
        #expect(again.map(\.entries) == whole.map(\.entries))
        let lines = String(decoding: try Data(contentsOf: url), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 5)
        for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        // A scan with more values of the same parameter continues in the same file.
        let wider = try Self.scan(Self.text(sigma: "[0.5, 0.25]"), in: scratch.path)
        #expect(try wider.run().count == 8)
        // A scan with other settings cannot continue in this file.
        let other = try Self.scan(Self.text(more: "objective: bias-augmented"), in: scratch.path)
        #expect(throws: ScanError.otherScan(path: scan.resultsPath)) { try other.run() }
    }

    @Test("Directions are scanned, and the table shows them") func directionsAndTheTable() throws {
        let scratch = try ScratchLibrary()
        let text = Self.text(more: "directions: {solver: ridge:0.2, sigma2: {default: 0.25}}")
        let records = try Self.scan(text, in: scratch.path).run()
        for record in records {
            for entry in record.entries {
                let score = try #require(entry.score)
                let (force, angle) = (try #require(score.forceError), try #require(score.weightedAngle))
                #expect(force > score.normError && angle > 0 && angle < 90)
            }
        }
        let table = ScanTable(records)
        #expect(table.rows.map(\.atomClass) == [.unitGold, .sulfur, .hydrogen])
        #expect(table.pairs == ["four → five", "five → four"])
        let means = try #require(table.rows.last).rows.map(\.mean)
        #expect(means == means.sorted() && means.count == 4)
        let lines = table.text(most: 2).split(separator: "\n")
        #expect(lines[0] == "unit-gold: 1 parameter sets")
        #expect(lines.contains("H: 4 parameter sets, the best 2"))
    }

    /// For each pair of structures, a scan's result agrees with that of a model trained on one structure and evaluated
    /// on the other.
    @Test("A scan agrees with training and evaluation") func agreesWithTrainingAndEvaluation() throws {
        let scratch = try ScratchLibrary()
        let record = try #require(
            try Self.scan(Self.text(more: "directions: {solver: least-squares}"), in: scratch.path).run()
                .first { $0.descriptor.nMax == 3 && $0.descriptor.lMax == 2 })
        let frames = try ScratchLibrary.rings()
        var options = OAMLMOptions()
        options.environment.soap = record.descriptor
        (options.normReferences, options.directionReferences) = (60, 60)
        for c in AtomClass.allCases { options.classes[c]?.direction = .leastSquares }
        let path = scratch.path + "/m.aurelax-model"
        try OAMLMTraining(name: "m", levelOfTheory: ScratchLibrary.level, options: options)
            .train(on: Array(frames[10..<15]), writeTo: path)
        let evaluation = try Evaluation(scratch.library.load(path), on: Array(frames[50..<55]))
        let score = try #require(
            record.entries.first { $0.train == "four" && $0.atomClass == .hydrogen }?.score)
        let row = try #require(evaluation.rows["H"])
        #expect(row.atoms == score.atoms)
        // The model file has single precision, the scan has double precision.
        #expect(abs(row.vectorRMSE - (score.forceError ?? 0)) < 1e-6)
        #expect(abs(row.weightedAngle - (score.weightedAngle ?? 0)) < 1e-4)
        #expect(abs(row.medianAngle - (score.medianAngle ?? 0)) < 1e-3)
    }

    @Test("Mistakes are reported with their places") func mistakesWithTheirPlaces() {
        let text = """
            aurelax_scan: 1
            name: s
            level_of_theory: PBE
            structures:
              - {name: a, file: a.extxyz}
              - {name: a, file: b.extxyz, frames: ["x"]}
            grids:
              - {classes: [S, Ag], r_cut: [4], sigma: [0], n_max: [2], lmax: [0]}

            """
        #expect(
            ScanFile(Array(text.utf8), file: "scan.yaml").report == """
                scan.yaml:6:12: error: the name ‘a’ is already used by another structure
                    - {name: a, file: b.extxyz, frames: ["x"]}
                             ^
                scan.yaml:6:40: error: ‘x’ is not a range of frames
                    - {name: a, file: b.extxyz, frames: ["x"]}
                                                         ^~~
                  hint: write start:end, start:end:step or one index
                scan.yaml:8:5: error: the key ‘l_max’ is missing
                    - {classes: [S, Ag], r_cut: [4], sigma: [0], n_max: [2], lmax: [0]}
                      ^
                  hint: Largest angular degrees.
                scan.yaml:8:19: error: expected one of core-gold, unit-gold, S, C, H, found ‘Ag’
                    - {classes: [S, Ag], r_cut: [4], sigma: [0], n_max: [2], lmax: [0]}
                                    ^~
                scan.yaml:8:44: error: expected a number above 0 and at most 100, found 0
                    - {classes: [S, Ag], r_cut: [4], sigma: [0], n_max: [2], lmax: [0]}
                                                             ^
                scan.yaml:8:60: error: there is no key ‘lmax’ here
                    - {classes: [S, Ag], r_cut: [4], sigma: [0], n_max: [2], lmax: [0]}
                                                                             ^~~~
                  hint: did you mean ‘l_max’?

                """)
    }

    @Test("Wrong data and files are refused") func wrongFiles() throws {
        let scratch = try ScratchLibrary()
        func failure(_ text: String, results: String? = nil) -> String {
            do {
                _ = try Self.scan(text, in: scratch.path).run(resultsAt: results)
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(failure(Self.text(file: "none.extxyz")).contains("cannot open"))
        #expect(
            failure(Self.text().replacingOccurrences(of: "50:55", with: "500:"))
                .contains("the scan selects no frame of this file"))
        #expect(
            failure(
                Self.text().replacingOccurrences(of: "level_of_theory: GPAW", with: "level_of_theory: VASP")
            )
            .contains("levels of theory must not be mixed"))
        // If the file of results is another kind of file, nothing is written to it.
        let foreign = scratch.path + "/notes.txt"
        try Data("do not lose me".utf8).write(to: URL(fileURLWithPath: foreign))
        #expect(failure(Self.text(), results: foreign).contains("not a file of scan results"))
        #expect(try String(contentsOfFile: foreign, encoding: .utf8) == "do not lose me")
    }
}

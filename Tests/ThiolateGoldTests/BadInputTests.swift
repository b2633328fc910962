import Atomistics
import Descriptors
import Foundation
import MinimalLearning
import ModelFile
import Testing
import ThiolateGold

/// Unsuitable training data and structures are refused with the place of the mistake, or a warning marks them. They
/// never give a number without a warning.
@Suite struct BadInputTests {
    static func rings(_ range: Range<Int> = 10..<15) throws -> [Atoms] {
        try Array(OAMLMTests.frames("rings-pbe-lcao.extxyz")[range])
    }

    /// Returns the error of a training on these frames; nil if it succeeds.
    func failure(
        _ frames: [Atoms], _ options: OAMLMOptions = OAMLMTests.options
    ) -> TrainingError? {
        do {
            _ = try OAMLMTests().model(options, on: frames)
            return nil
        } catch { return error as? TrainingError }
    }

    @Test("A class with too few environments gets no model") func tooFewEnvironments() throws {
        var options = OAMLMTests.options
        options.environment.fewestEnvironments = 200
        // Five rings of four: twenty gold, sulfur and carbon atoms, sixty hydrogen atoms.
        #expect(
            failure(try Self.rings(), options)
                == .tooFewEnvironments(["unit-gold": 20, "S": 20, "C": 20, "H": 60], needed: 200))
        // Only hydrogen has enough atoms. The other classes are reported, and a structure with atoms of these classes
        // is refused.
        options.environment.fewestEnvironments = 50
        var said: [String] = []
        try OAMLMTests().inDirectory { directory in
            let path = directory + "/m.aurelax-model"
            try OAMLMTraining(name: "m", levelOfTheory: OAMLMTests.level, options: options)
                .train(
                    on: Self.rings(), writeTo: path,
                    progress: TrainingProgress { if case .line(let line) = $0 { said.append(line) } })
            let model = try OAMLMForceField(ModelFile(contentsOf: path))
            #expect(model.classes.map(\.atomClass) == [.hydrogen])
            let ring = try Self.rings()[0]
            let failure = #expect(throws: ForceFieldError.self) { try model.predict(ring) }
            guard case .unknownClass = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
        }
        #expect(said.contains("S: 20 environments are too few; the class gets no model"))
        #expect(failure([]) == .noFrames)
    }

    /// A model can be trained on one frame. Its errors cannot be estimated then, so it states no expected errors.
    @Test("One frame trains a model without expected errors") func oneFrame() throws {
        let ring = try Self.rings(10..<11)
        var (machines, kernel) = (OAMLMTests.options, VectorKernelForceFieldTests.options)
        machines.environment.fewestEnvironments = 3
        kernel.environment.fewestEnvironments = 3
        let models: [any ForceField] = [
            try OAMLMTests().model(machines, on: ring),
            try VectorKernelForceFieldTests().model(kernel, on: ring),
        ]
        for model in models {
            let prediction = try model.predict(ring[0])
            let areFinite = prediction.forces.allSatisfy(\.squaredLength.isFinite)
            #expect(areFinite)
            #expect(prediction.uncertainty == nil)
        }
    }

    @Test("Values that are not numbers are refused") func notFinite() throws {
        for value in [Double.nan, .infinity, -.infinity] {
            var frames = try Self.rings()
            frames[3].positions[7].y = value
            #expect(failure(frames) == .notFinite(frame: 3, atom: 7))
            frames = try Self.rings()
            frames[2].forces?[5].z = value
            #expect(failure(frames) == .notFinite(frame: 2, atom: 5))
        }
        let model = try OAMLMTests().model(on: Self.rings())
        var asked = try Self.rings()[0]
        asked.positions[4].x = .nan
        #expect(throws: ForceFieldError.notFinite(atom: 4)) { try model.predict(asked) }
    }

    @Test("Frames without forces and periodic frames are refused") func unsuitableFrames() throws {
        var frames = try Self.rings()
        frames[4].forces = nil
        #expect(failure(frames) == .noForces(frame: 4))
        frames = try Self.rings()
        frames[1].elements[0] = try #require(Element(symbol: "Ag"))
        #expect(failure(frames) == .unknownElement("Ag", frame: 1, atom: 0))
        frames = try Self.rings()
        frames[1].positions[3] = frames[1].positions[9]
        #expect(failure(frames) == .coincidentAtoms(frame: 1, 3, 9))
    }

    /// The same environments occur twice, and once more with other forces. Each becomes one reference. The training
    /// forces are reproduced unless they contradict each other.
    @Test("Duplicate points do not break the fit") func duplicatePoints() throws {
        let frames = try Self.rings()
        let once = try OAMLMTests().model(on: frames).solving(.leastSquares)
        let twice = try OAMLMTests().model(on: frames + frames).solving(.leastSquares)
        #expect(twice.classes.map(\.normReferences) == once.classes.map(\.normReferences))
        for (f, reference) in zip(try twice.predict(frames[2]).forces, try #require(frames[2].forces)) {
            #expect((f - reference).length < 1e-4)
        }
        var contradicting = frames
        for i in contradicting.indices {
            contradicting[i].forces = contradicting[i].forces?.map { 1.1 * $0 }
        }
        let torn = try OAMLMTests().model(on: frames + contradicting)
        #expect(try torn.predict(frames[2]).forces.allSatisfy { $0.length.isFinite })
    }

    @Test("An element that the descriptor lacks is refused") func missingSpecies() throws {
        var options = OAMLMTests.options
        options.environment.soap.species = ["H", "C", "Au"]
        let ring = try Self.rings()[0]
        let sulfur = try #require(ring.elements.firstIndex(of: .sulfur))
        #expect(failure(try Self.rings(), options) == .unknownElement("S", frame: 0, atom: sulfur))
    }

    @Test("Environments absent from the training frames are out of domain") func outOfDomain() throws {
        let model = try OAMLMTests().model(on: Self.rings())
        let seen = try model.predict(Self.rings()[1])
        #expect(!seen.outOfDomain.contains(true))
        var squeezed = try Self.rings()[1]
        squeezed.positions = squeezed.positions.map { $0 * 0.85 }
        let strange = try model.predict(squeezed)
        #expect(strange.outOfDomain.count { $0 } > squeezed.count / 2)
        #expect(try #require(strange.uncertainty).reduce(0, +) > 2 * #require(seen.uncertainty).reduce(0, +))
        // A single hydrogen atom has no neighbours to align, which is reported.
        var lost = try Self.rings()[1]
        let h = try #require(lost.elements.lastIndex(of: .hydrogen))
        lost.positions[h] += [30, 0, 0]
        let prediction = try model.predict(lost)
        #expect(prediction.outOfDomain[h])
        #expect(prediction.warnings.contains { $0.contains("a stretched bond") })
    }

    @Test("Model files of another kind or damaged ones are refused") func otherModelFiles() throws {
        try OAMLMTests().inDirectory { directory in
            let path = directory + "/m.aurelax-model"
            try OAMLMTraining(name: "m", levelOfTheory: OAMLMTests.level, options: OAMLMTests.options)
                .train(on: Self.rings(), writeTo: path)
            #expect(
                throws: ModelFileError.wrongKind(path: path, found: "oamlm", expected: "vector-kernel")
            ) { try VectorKernelForceField(ModelFile(contentsOf: path)) }
            // The file is truncated at several places.
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for count in [0, 7, 100, bytes.count / 3, bytes.count - 1] {
                try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
                #expect(throws: ModelFileError.self) { try OAMLMForceField(ModelFile(contentsOf: path)) }
            }
        }
    }
}

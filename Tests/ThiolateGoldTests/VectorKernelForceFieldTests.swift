import Atomistics
import Foundation
import LinearAlgebra
import MinimalLearning
import ModelFile
import Testing
import ThiolateGold

@Suite struct VectorKernelForceFieldTests {
    static var options: VectorKernelOptions {
        var options = VectorKernelOptions()
        options.environment = OAMLMTests.options.environment
        options.choiceReferences = 60
        (options.lengths, options.sigma2, options.noises) = ([1, 3], [0.4], [1e-3])
        return options
    }

    func model(
        _ options: VectorKernelOptions = options, on frames: [Atoms]
    ) throws -> VectorKernelForceField {
        try OAMLMTests().inDirectory { directory in
            let path = directory + "/m.aurelax-model"
            try VectorKernelTraining(name: "small", levelOfTheory: OAMLMTests.level, options: options)
                .train(on: frames, writeTo: path)
            return try VectorKernelForceField(ModelFile(contentsOf: path))
        }
    }

    @Test("In the interpolation limit the training forces are reproduced") func interpolation() throws {
        var options = Self.options
        (options.lengths, options.sigma2, options.noises) = ([1], [0.2], [1e-11])
        let frames = try Array(OAMLMTests.frames("rings-pbe-lcao.extxyz")[10..<14])
        let model = try model(options, on: frames)
        for frame in frames {
            let predicted = try model.predict(frame).forces
            for (f, reference) in zip(predicted, try #require(frame.forces)) {
                #expect((f - reference).length < 1e-6)
            }
        }
    }

    @Test("Forces turn with the structure") func forcesTurnWithTheStructure() throws {
        let model = try model(on: OAMLMTests.training())
        #expect(model.classes.map(\.atomClass) == AtomClass.allCases)
        try OAMLMTests.expectForcesTurn(model)
    }

    @Test("A training structure is in the domain, a broken one is not") func domain() throws {
        let rings = try Array(OAMLMTests.frames("rings-pbe-lcao.extxyz")[10..<16])
        let model = try model(on: rings)
        let seen = try model.predict(rings[0])
        #expect(!seen.outOfDomain.contains(true))
        let expected = try #require(seen.uncertainty)
        var squeezed = rings[0]
        squeezed.positions = squeezed.positions.map { $0 * 0.8 }
        let strange = try model.predict(squeezed)
        #expect(strange.outOfDomain.filter { $0 }.count > rings[0].count / 2)
        #expect(try #require(strange.uncertainty).reduce(0, +) > expected.reduce(0, +))
    }

    @Test("Atoms closer than any two in the data are out of domain")
    func atomsCloserThanAnyTwoInTheDataAreOutOfTheDomain() throws {
        let rings = try Array(OAMLMTests.frames("rings-pbe-lcao.extxyz")[10..<16])
        let model = try model(on: rings)
        try OAMLMTests.expectClosePairOutOfDomain(model, shortestIn: rings)
    }

    @Test("Unusable structures are refused") func refusals() throws {
        let rings = try Array(OAMLMTests.frames("rings-pbe-lcao.extxyz")[10..<14])
        let model = try model(on: rings)
        // The model was trained on rings, which have no core gold.
        #expect(throws: ForceFieldError.self) {
            try model.predict(OAMLMTests.frames("au38q-pbe-lcao.extxyz")[0])
        }
        // To this kernel all references look alike, and no noise regularises the matrix, so the training fails.
        var options = Self.options
        (options.shapes, options.lengths, options.sigma2) = ([.gaussian], [1e6], [1e3])
        options.noises = [1e-30]
        #expect(throws: TrainingError.self) { try self.model(options, on: rings) }
    }
}

import Atomistics
import Foundation
import ModelLibrary
import Testing

@Suite struct ModelLibraryTests {
    @Test("Missing models are reported") func modelsThatAreNotThere() throws {
        let scratch = try ScratchLibrary()
        _ = try scratch.add("thiolate-gold", ScratchLibrary.potential("thiolate-gold"))
        func failure(_ name: String) -> String {
            do {
                _ = try scratch.library.load(name)
                return "no error"
            } catch { return "\(error)".replacingOccurrences(of: scratch.path, with: "DIR") }
        }
        #expect(
            failure("thiolate-gold")
                == "model 'thiolate-gold' has a recipe but has not been trained on this machine yet: "
                + "run `make models`, or `aurelax train DIR/thiolate-gold/recipe.yaml`")
        #expect(
            failure("thiolate-glod")
                == "there is no model 'thiolate-glod'; did you mean 'thiolate-gold'? "
                + "(there are: thiolate-gold)")
        #expect(failure("./m.aurelax-model") == "./m.aurelax-model: there is no such model file")
        #expect(scratch.library.names == ["thiolate-gold"])
        let empty = ModelLibrary(searchPath: ["nowhere"])
        #expect(throws: ModelLibraryError.unknownName("m", known: [], searchPath: ["nowhere"])) {
            try empty.load("m")
        }
    }
}

/// A force field that always predicts the given forces.
private struct Fixed: ForceField {
    let forces: [SIMD3<Double>]
    var energy: Double?
    var indicators: [String: [Double]] = [:]
    var hasEnergy: Bool { energy != nil }
    let provenance = ForceFieldProvenance(
        name: "fixed", kind: "test", version: "0123456789abcdef", levelOfTheory: "none")

    func predict(_ atoms: Atoms) -> ForcePrediction {
        var prediction = ForcePrediction(
            forces: forces, energy: energy, uncertainty: [0.1, 1, 3], classes: ["H", "H", "S"],
            outOfDomain: [false, false, true])
        prediction.indicators = indicators
        return prediction
    }
}

@Suite struct EvaluationTests {
    static func frame() -> Atoms {
        var atoms = Atoms(
            elements: [.hydrogen, .hydrogen, .sulfur], positions: [.zero, [1, 0, 0], [2, 0, 0]])
        atoms.forces = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
        atoms.energy = -6
        return atoms
    }

    @Test("Measures of an evaluation are correct") func measures() throws {
        // The second force is rotated by 90°; the third has the right direction but is 1 eV/Å too short.
        let field = Fixed(forces: [[1, 0, 0], [2, 0, 0], [0, 0, 2]], energy: -5.4)
        let evaluation = try Evaluation(field, on: [Self.frame()])
        let h = try #require(evaluation.rows["H"])
        #expect(h.atoms == 2 && h.outOfDomain == 0)
        #expect(abs(h.weightedAngle - 4.0 * 90 / 5) < 1e-9)
        #expect(abs(h.medianAngle - 45) < 1e-9 && abs(h.meanAngle - 45) < 1e-9)
        #expect(h.normRMSE == 0)
        #expect(abs(h.vectorRMSE - 2) < 1e-12)
        #expect(abs(h.componentRMSE - (4.0 / 3).squareRoot()) < 1e-12)
        #expect(abs(h.referenceRMS - (5.0 / 6).squareRoot()) < 1e-12)
        #expect(abs(try #require(h.expectedError) - 0.55) < 1e-12)
        #expect(abs(try #require(h.errorCorrelation) - 1) < 1e-12)
        #expect(h.withinTwice == 0.5)
        let s = try #require(evaluation.rows["S"])
        #expect(abs(s.normRMSE - 1) < 1e-12 && s.weightedAngle == 0 && s.outOfDomain == 1)
        #expect(evaluation.rows["all"]?.atoms == 3)
        #expect(abs(try #require(evaluation.energies).rmse - 0.2) < 1e-12)
        let lines = evaluation.table.split(separator: "\n")
        #expect(lines.count == 6 && lines[1].hasPrefix("S ") && lines[3].hasPrefix("all "))
        #expect(
            try JSONDecoder().decode(Evaluation.self, from: Data(evaluation.json)) == evaluation)
    }

    @Test("Signs of doubt are correlated with true errors") func signsOfDoubt() throws {
        // The errors are 0 and √8 for the two H and 1 for S; the angles are 0, 90 and 0 degrees.
        let field = Fixed(
            forces: [[1, 0, 0], [2, 0, 0], [0, 0, 2]],
            indicators: ["distance": [0.1, 0.3, 0.2], "agreement": [1, 0.2, .nan]])
        let frames = [Self.frame(), Self.frame()]
        let evaluation = try Evaluation(field, on: frames)
        let all = try #require(evaluation.rows["all"]).indicators
        #expect(all.keys.sorted() == ["agreement", "distance", "expected"])
        #expect(abs(try #require(all["distance"]?.errorCorrelation) - 1) < 1e-12)
        #expect(abs(try #require(all["agreement"]?.errorCorrelation) + 1) < 1e-12)
        #expect(try #require(all["distance"]?.angleCorrelation) > 0.5)
        // The six atoms are divided into quarters of one, two, one and two atoms.
        let quarters = try #require(all["distance"]).errorByQuarter
        let expected = [0, 0.5, 1, 8.0.squareRoot()]
        #expect(quarters.count == 4 && zip(quarters, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        // The indicator `agreement` has no value for sulfur.
        let s = try #require(evaluation.rows["S"]).indicators
        #expect(s["agreement"] == nil && s["distance"]?.errorCorrelation == nil)
        let table = try #require(evaluation.indicatorTable).split(separator: "\n")
        #expect(table.count == 1 + 2 + 3 + 3)
        #expect(
            try JSONDecoder().decode(Evaluation.self, from: Data(evaluation.json)) == evaluation)
    }

    @Test("The forces of another method are evaluated") func anotherMethodsForces() throws {
        let frame = Self.frame()
        var other = frame
        other.forces = [[1, 0, 0], [2, 0, 0], [0, 0, 2]]
        let evaluation = Evaluation(try ForceComparison([other], named: "other.extxyz", on: [frame]))
        let field = Fixed(forces: other.forces ?? [])
        let same = try Evaluation(field, on: [frame])
        #expect(evaluation.rows["H"]?.vectorRMSE == same.rows["H"]?.vectorRMSE)
        #expect(evaluation.rows["S"]?.expectedError == nil)
        #expect(throws: EvaluationError.otherFrames(2, expected: 1)) {
            try ForceComparison([other, other], named: "two", on: [frame])
        }
        other.positions[1].x += 0.1
        #expect(throws: EvaluationError.otherStructure(frame: 0)) {
            try ForceComparison([other], named: "moved", on: [frame])
        }
    }

    @Test("Frames without forces are refused") func framesWithoutForcesAreRefused() {
        var bare = Self.frame()
        bare.forces = nil
        let frames = [Self.frame(), bare]
        #expect(throws: EvaluationError.noForces(frame: 1)) {
            try Evaluation(Fixed(forces: [.zero, .zero, .zero]), on: frames)
        }
    }
}

import Atomistics
import DurableFiles
import Foundation
import JobSpec
import SystemPackage
import Relaxation
import Testing
import Workflow

/// A force field that always pushes two atoms apart, with the smallest force at 1 Å.
private struct Pushing: ForceField {
    var hasEnergy = false
    let provenance = ForceFieldProvenance(name: "pushing", kind: "test", version: "1", levelOfTheory: "none")

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        let bond = atoms.positions[1] - atoms.positions[0]
        let length = bond.length
        let force = bond / length * (0.5 + (length - 1) * (length - 1))
        return ForcePrediction(
            forces: [-force, force], energy: hasEnergy ? -length : nil, classes: ["Au", "Au"],
            outOfDomain: [false, false])
    }
}

/// The defaults of a stage whose model has no energies.
@Suite struct ForcesAloneTests {
    /// Runs the stage, and returns its report and the distance of the two atoms in its result.
    private func run(_ stage: MLStage, energies: Bool) throws -> (text: String, distance: Double) {
        let path = NSTemporaryDirectory() + "aurelax-forces-alone-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let pair = Atoms(
            elements: [.gold, .gold], positions: [.zero, [0, 0, 0.7]])
        let run = MLStageRun(
            stage: stage, initial: pair, forceField: Pushing(hasEnergy: energies),
            folder: try Directory(FilePath(path)))
        guard case .finished(let report, let final) = try run.run(stop: StopFlag(), progress: { _, _ in })
        else {
            throw CancellationError()
        }
        let kept = try #require(try ExtXYZ.frames(in: final, label: "final").last)
        return (report.verdict.text, (kept.positions[1] - kept.positions[0]).length)
    }

    @Test("A stage without energies stops on stagnation and keeps its best frame") func stagnation() throws {
        let (text, distance) = try run(MLStage(), energies: false)
        #expect(text.contains("no progress since") && text.contains("is kept"), "\(text)")
        #expect(abs(distance - 1) < 0.2, "\(distance)")
    }

    @Test("The job overrides the defaults for models without energies") func theJobMaySayOtherwise() throws {
        var stage = MLStage()
        (stage.stopAfterStagnation, stage.keep) = (0, .last)
        let (text, distance) = try run(stage, energies: false)
        #expect(text.contains("after the 200 steps allowed") && !text.contains("is kept"), "\(text)")
        #expect(distance > 2, "\(distance)")
    }

    @Test("A stage with energies has no such stop") func withEnergies() throws {
        let (text, distance) = try run(MLStage(), energies: true)
        #expect(text.contains("after the 200 steps allowed") && !text.contains("is kept"), "\(text)")
        #expect(distance > 2, "\(distance)")
    }
}

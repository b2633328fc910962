import Atomistics
import Foundation
import Relaxation
import Testing

/// After a restart, the next step is the same as in the uninterrupted run, bit for bit.
@Suite struct RestartTests {
    private static let field: PairField = {
        var field = PairField.morse
        field.uncertainty = { 0.05 * Double(1 + $0) }
        field.isUnknown = { atoms, atom in atom == 3 && sin(60 * atoms.positions[2].y) > 0.2 }
        return field
    }()

    /// Returns settings with every option whose state must survive a restart.
    private static func settings(_ kind: OptimizerKind, _ treatment: SwitchTreatment) -> RelaxationSettings {
        let shell = [false, false, false, true, true, true, true]
        return .init(kind, fmax: 1e-5, maxSteps: 60) {
            $0.movable = [true, true, true, true, true, true, false]
            $0.alternation = Alternation(
                segments: [.init(movable: shell, steps: 7), .init(movable: shell.map { !$0 }, steps: 4)],
                rounds: 5)
            $0.atSwitch = treatment
            $0.resetEvery = 17
            $0.startHessian = .model
            $0.stops.stagnation = 1000
            $0.stops.cycle = 3
            $0.trustedError = 0.1
            $0.freezesOutOfDomain = true
        }
    }

    private static let cases = OptimizerKind.allCases.flatMap { kind in
        SwitchTreatment.allCases.map { (kind, $0) }
    }

    private func same(_ a: Relaxer, _ b: Relaxer) {
        #expect(a.status == b.status)
        #expect(a.current?.step == b.current?.step)
        #expect(a.current?.atoms == b.current?.atoms)
        #expect(a.current?.prediction.forces == b.current?.prediction.forces)
        #expect(a.current?.fmax == b.current?.fmax)
        #expect(a.best?.step == b.best?.step)
        #expect(a.best?.atoms == b.best?.atoms)
        #expect(a.place?.round == b.place?.round && a.place?.segment == b.place?.segment)
    }

    /// The run restarts from the text of a trajectory, as after the daemon was killed.
    @Test("A restart from the trajectory takes the same steps", arguments: cases) func fromTheTrajectory(
        _ kind: OptimizerKind, _ treatment: SwitchTreatment
    ) throws {
        var whole = Relaxer(
            .sevenMorse, forceField: Self.field, settings: Self.settings(kind, treatment))
        var bytes: [UInt8] = []
        var frozen = 0
        for step in 0...40 where whole.status == .running {
            let frame = try whole.advance()
            frozen += frame.frozen
            if step <= 19 { ExtXYZ.encode(frame.annotated(by: Self.field.provenance), into: &bytes) }
        }
        var resumed = Relaxer(
            .sevenMorse, forceField: Self.field, settings: Self.settings(kind, treatment))
        for atoms in try ExtXYZ.frames(in: bytes, label: "trajectory") {
            try resumed.replay(atoms, try #require(atoms.prediction(by: Self.field.provenance)))
        }
        #expect(resumed.current?.step == 19)
        while resumed.current?.step != whole.current?.step { try resumed.advance() }
        same(resumed, whole)
        #expect(frozen > 0)
    }

    /// A model may use the previous prediction. It is the same in one run and after a restart from the frames.
    @Test("The model receives the previous prediction") func previousPrediction() throws {
        let field = Remembering(field: .morse)
        var whole = Relaxer(.sevenMorse, forceField: field, settings: .init(.bfgs))
        var replayed = whole
        for step in 0..<4 {
            let frame = try whole.advance()
            #expect(frame.prediction.classes.allSatisfy { $0 == "after-\(step)" })
            try replayed.replay(frame.atoms, frame.prediction)
        }
        let (next, again) = (try whole.advance(), try replayed.advance())
        #expect(next.prediction.classes.allSatisfy { $0 == "after-4" })
        #expect(next.prediction.classes == again.prediction.classes)
        #expect(next.prediction.forces == again.prediction.forces)
    }

    /// A force field that remembers the number of steps: it writes it into the classes of each prediction and reads it
    /// from those of the previous one. Its forces depend on it.
    private struct Remembering: ForceField {
        let field: PairField
        var provenance: ForceFieldProvenance { field.provenance }
        var hasEnergy: Bool { field.hasEnergy }

        func predict(_ atoms: Atoms) throws -> ForcePrediction { try predict(atoms, following: nil) }

        func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction {
            let steps = previous?.classes.first.flatMap { Int($0.dropFirst(6)) }.map { $0 + 1 } ?? 0
            var prediction = try field.predict(atoms)
            prediction.forces = prediction.forces.map { $0 * (1 + 0.01 * Double(steps)) }
            prediction.classes = prediction.classes.map { _ in "after-\(steps)" }
            return prediction
        }
    }
}

import Atomistics
import Foundation
import Relaxation
import Testing

/// The next step after a restart is that of the uninterrupted run, bit for bit.
@Suite struct RestartTests {
    private static let field: PairField = {
        var field = PairField.morse
        field.uncertainty = { 0.05 * Double(1 + $0) }
        field.isUnknown = { atoms, atom in atom == 3 && sin(60 * atoms.positions[2].y) > 0.2 }
        return field
    }()

    /// Everything that has a state of its own, at once.
    private static func settings(_ kind: OptimizerKind, _ treatment: SwitchTreatment) -> RelaxationSettings {
        let shell = [false, false, false, true, true, true, true]
        return .init(kind, fmax: 1e-5, maxSteps: 60) {
            $0.movable = [true, true, true, true, true, true, false]
            $0.alternation = Alternation(
                segments: [.init(movable: shell, steps: 7), .init(movable: shell.map { !$0 }, steps: 4)],
                rounds: 5)
            $0.atSwitch = treatment
            $0.resetEvery = 17
            $0.startHessian = .model(floor: 2)
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

    @Test(arguments: cases) func fromACheckpoint(_ kind: OptimizerKind, _ treatment: SwitchTreatment) throws {
        var whole = Relaxer(
            .sevenMorse, forceField: Self.field, settings: Self.settings(kind, treatment))
        var frozen = 0
        while whole.status == .running {
            var resumed = try Relaxer(resuming: whole.checkpoint, forceField: Self.field)
            #expect(resumed.settings == whole.settings)
            #expect(resumed.initial == whole.initial)
            same(resumed, whole)
            frozen += try whole.advance().frozen
            try resumed.advance()
            same(resumed, whole)
            #expect(resumed.checkpoint == whole.checkpoint)
        }
        #expect(whole.current?.step ?? 0 > 20)
        #expect(frozen > 0)
    }

    /// Through the text of a trajectory, as a daemon that was killed does it.
    @Test(arguments: cases) func fromTheTrajectory(_ kind: OptimizerKind, _ treatment: SwitchTreatment) throws
    {
        var whole = Relaxer(
            .sevenMorse, forceField: Self.field, settings: Self.settings(kind, treatment))
        var bytes: [UInt8] = []
        for step in 0...40 where whole.status == .running {
            let frame = try whole.advance()
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
    }

    @Test func everyStateSurvives() throws {
        var stopped = PairField.morse
        stopped.uncertainty = { _ in 10 }
        for settings in [
            RelaxationSettings(.bfgs, fmax: 100), .init(.bfgs, maxSteps: 0),
            .init(.bfgs) { $0.stops.belowUncertainty = 1 },
        ] {
            var relaxer = Relaxer(.sevenMorse, forceField: stopped, settings: settings)
            try relaxer.run()
            let resumed = try Relaxer(resuming: relaxer.checkpoint, forceField: stopped)
            #expect(resumed.status == relaxer.status && resumed.status != .running)
        }
    }

    @Test func structuresKeepWhatTheyCarry() throws {
        var start = Atoms.sevenMorse
        start.levelOfTheory = "PBE, \"dzp\""
        start.moveMask = [true, true, true, true, true, true, false]
        start.cell = Cell([20, 0, 0], [0, 20, 0], [0, 0, 20])
        var relaxer = Relaxer(start, forceField: PairField.morse, settings: .init(.bfgs))
        try relaxer.run(steps: 3)
        let resumed = try Relaxer(resuming: relaxer.checkpoint, forceField: PairField.morse)
        #expect(resumed.initial == start)
        #expect(resumed.current?.atoms == relaxer.current?.atoms)
    }

    @Test func fault07DamagedCheckpointsAreRefused() throws {
        var relaxer = Relaxer(
            .sevenMorse, forceField: Self.field, settings: Self.settings(.sqnm, .maskedSecant))
        try relaxer.run(steps: 9)
        let whole = relaxer.checkpoint
        for length in stride(from: 0, to: whole.count, by: 7) {
            #expect(throws: CheckpointError.self) {
                try Relaxer(resuming: Array(whole.prefix(length)), forceField: Self.field)
            }
        }
        // A flipped bit may go unseen in a number; what is read must then still be of one piece.
        for offset in stride(from: 19, to: whole.count, by: 3) {
            var damaged = whole
            damaged[offset] ^= 0x81
            guard var survivor = try? Relaxer(resuming: damaged, forceField: Self.field),
                survivor.status == .running
            else { continue }
            _ = try? survivor.advance()
        }
        #expect(throws: CheckpointError.corrupt("bytes past its end")) {
            try Relaxer(resuming: whole + [0], forceField: Self.field)
        }
        #expect(throws: CheckpointError.notACheckpoint) {
            try Relaxer(resuming: Array("something else altogether".utf8), forceField: Self.field)
        }
        var newer = whole
        newer[19] = 9
        #expect(throws: CheckpointError.format(found: 9, supported: 1)) {
            try Relaxer(resuming: newer, forceField: Self.field)
        }
    }

    @Test func anotherModelDoesNotGoOn() throws {
        var relaxer = Relaxer(.sevenMorse, forceField: PairField.morse, settings: .init(.bfgs))
        try relaxer.advance()
        var field = PairField("other", pair: PairField.morse.pair)
        field.hasEnergy = false
        let other = ForceFieldProvenance(name: "morse", kind: "test", version: "2", levelOfTheory: "Morse")
        #expect(throws: CheckpointError.otherModel(found: "1", given: "2")) {
            try Relaxer(resuming: relaxer.checkpoint, forceField: Versioned(field: field, provenance: other))
        }
    }

    private struct Versioned: ForceField {
        let field: PairField
        let provenance: ForceFieldProvenance
        func predict(_ atoms: Atoms) throws -> ForcePrediction { try field.predict(atoms) }
    }
}

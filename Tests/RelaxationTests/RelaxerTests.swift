import Atomistics
import Foundation
import Relaxation
import Testing

/// Numbers of ASE 3.29 on the same four Lennard-Jones atoms.
@Suite struct RelaxerTests {
    private func settings(
        _ optimizer: OptimizerKind = .bfgs, fmax: Double = 1e-6, maxStep: Double = 0.2,
        movable: [Bool]? = nil
    ) -> RelaxationSettings {
        var settings = RelaxationSettings()
        (settings.optimizer, settings.fmax, settings.maxStep) = (optimizer, fmax, maxStep)
        settings.movable = movable
        return settings
    }

    private func relaxer(_ settings: RelaxationSettings) -> Relaxer {
        Relaxer(LennardJones.start, forceField: LennardJones(), settings: settings)
    }

    @Test func firstStepsOfBFGSAreThoseOfASE() throws {
        var relaxer = relaxer(settings())
        let energies = [
            -3.276212681627, -4.558133833488, 42.869927751180, -4.828194758703, -5.014660963557,
            -3.040431774003, -5.284116106888,
        ]
        let largest = [
            5.252139087988, 5.069673923996, 599.218258041524, 5.363868215885, 5.524071583497,
            35.129166381256, 5.484853043330,
        ]
        for step in 0...6 {
            let frame = try relaxer.advance()
            #expect(frame.step == step)
            #expect(abs((frame.prediction.energy ?? 0) - energies[step]) < 1e-9)
            #expect(abs(frame.fmax - largest[step]) < 1e-9 * max(1, largest[step]))
        }
        let atom = try #require(relaxer.current?.atoms.positions[3])
        #expect((atom - [0.523933470647, 0.324634277719, 1.054895875381]).length < 1e-9)
        while relaxer.status == .running { try relaxer.advance() }
        #expect(relaxer.status == .converged)
        #expect(relaxer.current?.step == 33)
        #expect(abs((relaxer.current?.prediction.energy ?? 0) + 6) < 1e-9)
    }

    @Test func smallStepsAndFixedAtoms() throws {
        var small = relaxer(settings(maxStep: 0.01))
        for _ in 0...6 { try small.advance() }
        #expect(abs((small.current?.prediction.energy ?? 0) + 4.331860807823) < 1e-9)
        var fixed = relaxer(settings(movable: [false, true, true, true]))
        for _ in 0...6 { try fixed.advance() }
        #expect(abs((fixed.current?.prediction.energy ?? 0) + 5.659170321018) < 1e-9)
        #expect(abs((fixed.current?.fmax ?? 0) - 4.211552399651) < 1e-9)
        #expect(fixed.current?.atoms.positions[0] == .zero)
    }

    @Test(arguments: [
        (OptimizerKind.lbfgs, -5.067305847662, 5.836453382168), (.fire, -5.523511358851, 4.546347866962),
        (.fire2, -5.864233764676, 2.328678632357),
    ])
    func sixthStepOfTheOthersIsThatOfASE(_ kind: OptimizerKind, _ energy: Double, _ fmax: Double) throws {
        var relaxer = relaxer(settings(kind))
        for _ in 0...6 { try relaxer.advance() }
        #expect(abs((relaxer.current?.prediction.energy ?? 0) - energy) < 1e-9)
        #expect(abs((relaxer.current?.fmax ?? 0) - fmax) < 1e-9)
        while relaxer.status == .running, relaxer.current?.step ?? 0 < 1000 { try relaxer.advance() }
    }

    /// Through the text of a trajectory, as a daemon that was killed does it.
    @Test(arguments: OptimizerKind.allCases)
    func anInterruptedRunGoesOnBitForBit(_ kind: OptimizerKind) throws {
        let field = LennardJones()
        var whole = relaxer(settings(kind))
        var bytes: [UInt8] = []
        for step in 0...25 where whole.status == .running {
            let frame = try whole.advance()
            if step <= 12 { ExtXYZ.encode(frame.annotated(by: field.provenance), into: &bytes) }
        }
        var resumed = relaxer(settings(kind))
        for atoms in try ExtXYZ.frames(in: bytes, label: "trajectory") {
            try resumed.replay(atoms, try #require(atoms.prediction(by: field.provenance)))
        }
        #expect(resumed.current?.step == 12)
        while resumed.current?.step != whole.current?.step { try resumed.advance() }
        #expect(resumed.current?.atoms == whole.current?.atoms)
        #expect(resumed.current?.prediction.forces == whole.current?.prediction.forces)
    }

    @Test func endsAreNamed() throws {
        var short = settings()
        short.maxSteps = 2
        var relaxer = relaxer(short)
        while relaxer.status == .running { try relaxer.advance() }
        #expect(relaxer.status == .stepLimit)
        #expect(relaxer.current?.step == 2)
        var done = self.relaxer(settings(fmax: 10))
        try done.advance()
        #expect(done.status == .converged)
    }

    @Test func predictionsNeverTakeTheNamesOfCalculations() throws {
        var start = LennardJones.start
        start.energy = -1
        start.forces = [.zero, .zero, .zero, .zero]
        start.levelOfTheory = "PBE"
        var relaxer = Relaxer(start, forceField: LennardJones(), settings: settings())
        let frame = try relaxer.advance().annotated(by: LennardJones().provenance)
        #expect(frame.energy == nil && frame.forces == nil && frame.levelOfTheory == nil)
        let text = String(decoding: ExtXYZ.bytes(of: [frame]), as: UTF8.self)
        for part in ["ml_forces:R:3", "ml_class:S:1", "ml_energy=", "model_version=", "units="] {
            #expect(text.contains(part), "\(text)")
        }
    }
}

@Suite struct OptimizerLogTests {
    @Test func linesAreThoseOfASE() {
        let log = OptimizerLog(.bfgs)
        let noon = Calendar.current.startOfDay(for: Date()).addingTimeInterval(12 * 3600)
        #expect(log.header == "      Step     Time          Energy          fmax\n")
        #expect(
            log.line(step: 0, energy: -123.456789, fmax: 1.234567, at: noon)
                == "BFGS:    0 12:00:00     -123.456789        1.234567\n")
        #expect(
            log.line(step: 12, energy: nil, fmax: 0.5, at: noon)
                == "BFGS:   12 12:00:00             nan        0.500000\n")
        #expect(OptimizerLog(.lbfgs).header == "       Step     Time          Energy          fmax\n")
    }
}

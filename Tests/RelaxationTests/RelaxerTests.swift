import Atomistics
import Foundation
import Relaxation
import TestTags
import Testing

extension RelaxationSettings {
    init(
        _ optimizer: OptimizerKind, fmax: Double = 1e-6, maxSteps: Int = 1000, maxStep: Double = 0.2,
        _ change: (inout RelaxationSettings) -> Void = { _ in }
    ) {
        self.init()
        (self.optimizer, self.fmax, self.maxSteps, self.maxStep) = (optimizer, fmax, maxSteps, maxStep)
        change(&self)
    }
}

extension Relaxer {
    mutating func run(steps: Int = .max) throws {
        var left = steps
        while status == .running, left > 0 {
            try advance()
            left -= 1
        }
    }

    var energy: Double { current?.prediction.energy ?? .nan }
}

@Suite struct RelaxerTests {
    private func lennardJones(_ settings: RelaxationSettings) -> Relaxer {
        Relaxer(.fourLJ, forceField: PairField.lennardJones, settings: settings)
    }

    /// The expected numbers are ASE 3.29's for the same four Lennard-Jones atoms.
    @Test("The first steps of BFGS are those of ASE") func firstStepsMatchASE() throws {
        var relaxer = lennardJones(.init(.bfgs))
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
            #expect(abs(relaxer.energy - energies[step]) < 1e-9)
            #expect(abs(frame.fmax - largest[step]) < 1e-9 * max(1, largest[step]))
        }
        let atom = try #require(relaxer.current?.atoms.positions[3])
        #expect((atom - [0.523933470647, 0.324634277719, 1.054895875381]).length < 1e-9)
        try relaxer.run()
        #expect(relaxer.status == .converged)
        #expect(relaxer.current?.step == 33)
        #expect(abs(relaxer.energy + 6) < 1e-9)
    }

    @Test("The end of a relaxation has a reason") func ends() throws {
        var short = lennardJones(.init(.bfgs, maxSteps: 2))
        try short.run()
        #expect(short.status == .stepLimit)
        #expect(short.current?.step == 2)
        var done = lennardJones(.init(.bfgs, fmax: 10))
        try done.advance()
        #expect(done.status == .converged)
    }

    @Test("The best frame is kept", .tags(.fault29)) func fault29BestFrame() throws {
        var byForce = lennardJones(.init(.bfgs, maxSteps: 5))
        try byForce.run()
        #expect(byForce.best?.step == 1)
        var byEnergy = lennardJones(.init(.bfgs, maxSteps: 5) { $0.keep = .lowestEnergy })
        try byEnergy.run()
        #expect(byEnergy.best?.step == 4)
        var field = PairField.lennardJones
        field.hasEnergy = false
        var settings = RelaxationSettings(.bfgs, maxSteps: 5) { $0.keep = .lowestEnergy }
        var withoutEnergy = Relaxer(.fourLJ, forceField: field, settings: settings)
        try withoutEnergy.run()
        settings.keep = .smallestRMSForce
        var byRMS = Relaxer(.fourLJ, forceField: field, settings: settings)
        var smallest = (step: 0, rms: Double.infinity)
        while byRMS.status == .running {
            let frame = try byRMS.advance()
            let norms = frame.prediction.forces.map(\.squaredLength)
            let rms = (norms.reduce(0, +) / 4).squareRoot()
            #expect(abs(frame.rmsForce - rms) < 1e-12 * rms)
            if rms < smallest.rms { smallest = (frame.step, rms) }
        }
        #expect(byRMS.best?.step == smallest.step)
        #expect(withoutEnergy.best?.step == smallest.step)
    }

    @Test("A force that is not a number is an error", .tags(.fault29)) func fault29NotFinite() throws {
        var start = Atoms.fourLJ
        start.positions[1] = start.positions[0]
        var relaxer = Relaxer(start, forceField: PairField.lennardJones, settings: .init(.bfgs))
        #expect(throws: RelaxationError.forceNotFinite(atom: 0, step: 0)) { try relaxer.advance() }
        #expect(relaxer.current == nil && relaxer.status == .running)
        #expect(
            RelaxationError.forceNotFinite(atom: 0, step: 0).description
                == "the force on atom 0 at step 0 is not a number; inspect the previous structure")
    }

    @Test("Invalid settings are reported") func invalidSettings() {
        #expect(RelaxationSettings().problem(atoms: 3) == nil)
        func problem(_ change: (inout RelaxationSettings) -> Void) -> String? {
            RelaxationSettings(.bfgs, change).problem(atoms: 2)
        }
        #expect(problem { $0.fmax = 0 } == "fmax and the largest step must be positive")
        #expect(problem { $0.maxStep = .infinity } == "fmax and the largest step must be positive")
        #expect(problem { $0.movable = [true] } == "a mask must have one value per atom")
        #expect(problem { $0.movable = [false, false] } == "at least one atom must be able to move")
        #expect(
            problem { $0.alternation = Alternation(segments: [], rounds: 1) }
                == "an alternation must have segments with steps, and rounds")
        #expect(problem { $0.resetEvery = 0 } == "numbers of steps must be positive")
        #expect(problem { $0.trustedError = 0 } == "limits of uncertainty must be positive")
        #expect(
            problem { $0.givenHessian = [1] }
                == "a Hessian must have 3N × 3N values")
    }

    @Test("Predictions never have the names of calculated values") func predictionNames() throws {
        var start = Atoms.fourLJ
        start.energy = -1
        start.forces = [.zero, .zero, .zero, .zero]
        start.levelOfTheory = "PBE"
        let field = PairField.lennardJones
        var relaxer = Relaxer(start, forceField: field, settings: .init(.bfgs))
        let frame = try relaxer.advance().annotated(by: field.provenance)
        #expect(frame.energy == nil && frame.forces == nil && frame.levelOfTheory == nil)
        let text = String(decoding: ExtXYZ.bytes(of: [frame]), as: UTF8.self)
        for part in ["ml_forces:R:3", "ml_class:S:1", "ml_energy=", "model_version=", "units="] {
            #expect(text.contains(part), "\(text)")
        }
    }
}

import Atomistics
import Foundation
import Relaxation
import Testing

@Suite struct StopTests {
    @Test("Forces below their expected error end the run") func belowUncertainty() throws {
        var field = PairField.morse
        field.uncertainty = { $0 == 0 ? 0.05 : 0.2 }
        let settings = RelaxationSettings(.bfgs, fmax: 1e-6) { $0.stops.belowUncertainty = 1 }
        var relaxer = Relaxer(.sevenMorse, forceField: field, settings: settings)
        try relaxer.run()
        guard case .stopped(.belowUncertainty(let ratio, factor: 1)) = relaxer.status else {
            Issue.record("\(relaxer.status)")
            return
        }
        let last = try #require(relaxer.current)
        let ratios = last.prediction.forces.indices.map {
            last.prediction.forces[$0].length / ($0 == 0 ? 0.05 : 0.2)
        }
        #expect(ratio == ratios.max() && ratio < 1)
        field.uncertainty = nil
        var blind = Relaxer(.sevenMorse, forceField: field, settings: settings)
        try blind.run()
        #expect(blind.status == .converged)
    }

    @Test("Noise that prevents convergence is stagnation") func stagnation() throws {
        var field = PairField.morse
        field.noise = 0.05
        field.hasEnergy = false
        var relaxer = Relaxer(
            .sevenMorse, forceField: field,
            settings: .init(.sqnm, fmax: 1e-4, maxSteps: 5000) { $0.stops.stagnation = 40 })
        try relaxer.run()
        guard case .stopped(.stagnation(let since, let fmax)) = relaxer.status else {
            Issue.record("\(relaxer.status)")
            return
        }
        let last = try #require(relaxer.current)
        #expect(last.step - since == 40)
        #expect(fmax == relaxer.best?.fmax)
        #expect(fmax < 0.2 && fmax < last.fmax + 1e-12)
    }

    @Test("Progress is not stagnation") func progress() throws {
        var relaxer = Relaxer(
            .sevenMorse, forceField: PairField.morse,
            settings: .init(.bfgs, fmax: 1e-8, maxStep: 0.02) {
                $0.stops.stagnation = 25
                $0.stops.cycle = 8
            })
        try relaxer.run()
        #expect(relaxer.status == .converged)
    }

    /// The frames are those of an earlier run that repeated a cycle, as a restart reads them from its trajectory.
    @Test("Cycles are detected", arguments: [2, 3, 5]) func cycles(_ period: Int) throws {
        let start = Atoms.sevenMorse
        func frame(_ step: Int, drift: Double) -> (Atoms, ForcePrediction) {
            var atoms = start
            let angle = 2 * Double.pi * Double(step % period) / Double(period)
            atoms.positions[3] += [0.1 * cos(angle), 0.1 * sin(angle), drift * Double(step)]
            var forces = [SIMD3<Double>](repeating: .zero, count: 7)
            forces[3] = [-cos(angle), -sin(angle), 0]
            let none = start.elements.map { _ in false }
            return (
                atoms,
                ForcePrediction(forces: forces, classes: start.elements.map(\.symbol), outOfDomain: none)
            )
        }
        func run(drift: Double) throws -> Relaxer {
            var relaxer = Relaxer(
                start, forceField: PairField.morse, settings: .init(.bfgs) { $0.stops.cycle = 6 })
            for step in 0..<40 where relaxer.status == .running {
                let (atoms, prediction) = frame(step, drift: drift)
                try relaxer.replay(atoms, prediction)
            }
            return relaxer
        }
        let round = try run(drift: 0)
        #expect(round.status == .stopped(.cycle(period: period)))
        #expect(round.current?.step == 2 * period)
        #expect(try run(drift: 0.02).status == .running)
    }

    @Test("Reasons for a stop are described with numbers") func reasons() {
        #expect(
            StopReason.belowUncertainty(largestRatio: 0.83, factor: 1).description
                == "the model cannot resolve smaller forces: every predicted force is below 1.000 times its expected error "
                + "(the largest is 0.830 times)")
        #expect(
            StopReason.stagnation(since: 12, fmax: 0.25).description
                == "no progress since step 12; the smallest fmax so far is 0.250 eV/Å")
        #expect(StopReason.cycle(period: 3).description == "the same 3 positions were repeated")
        #expect(
            StopReason.outOfDomain(frozen: 4).description
                == "4 atoms are out of domain and fixed; the others are converged"
        )
    }
}

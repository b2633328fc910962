import Atomistics
import Foundation
import Relaxation
import Testing

@Suite struct ConstraintTests {
    @Test("Fixed atoms keep their positions, and their forces are reported") func fixedAtoms() throws {
        let start = Atoms.fourLJ
        var relaxer = Relaxer(
            start, forceField: PairField.lennardJones,
            settings: .init(.bfgs) { $0.movable = [false, true, true, true] })
        try relaxer.run(steps: 7)
        let frame = try #require(relaxer.current)
        #expect(abs(relaxer.energy + 5.659170321018) < 1e-9)
        #expect(abs(frame.fmax - 4.211552399651) < 1e-9)
        #expect(frame.atoms.positions[0] == start.positions[0])
        #expect(frame.prediction.forces[0].length > 0.5)
    }

    // MARK: Alternation

    /// Two clusters that are too far apart to interact.
    private static let apart: Atoms = {
        var atoms = Atoms.sevenMorse
        atoms.elements += Atoms.fourLJ.elements
        atoms.positions += Atoms.fourLJ.positions.map { 2.6 * $0 + [1e4, 0, 0] }
        return atoms
    }()

    private func alternating(
        _ treatment: SwitchTreatment, _ kind: OptimizerKind = .bfgs
    ) throws -> [SIMD3<Double>] {
        let first = (0..<11).map { $0 < 7 }
        var relaxer = Relaxer(
            Self.apart, forceField: PairField.morse,
            settings: .init(kind) {
                $0.alternation = Alternation(
                    segments: [.init(movable: first, steps: 4), .init(movable: first.map { !$0 }, steps: 3)],
                    rounds: 2)
                $0.atSwitch = treatment
            })
        try relaxer.run()
        #expect(relaxer.status == .stepLimit)
        #expect(relaxer.current?.step == 14)
        return try #require(relaxer.current).atoms.positions
    }

    private func alone(
        _ kind: OptimizerKind, atoms indices: Range<Int>, steps: [Int]
    ) throws -> [SIMD3<Double>] {
        var atoms = Atoms(
            elements: Array(Self.apart.elements[indices]), positions: Array(Self.apart.positions[indices]))
        for count in steps {
            var relaxer = Relaxer(atoms, forceField: PairField.morse, settings: .init(kind))
            try relaxer.run(steps: count + 1)
            atoms = try #require(relaxer.current).atoms
        }
        return atoms.positions
    }

    private func furthest(_ a: [SIMD3<Double>], _ b: [SIMD3<Double>]) -> Double {
        zip(a, b).map { ($0 - $1).length }.max() ?? .infinity
    }

    /// With `maskedSecant` each segment continues as if it had not been interrupted. With `literal` the switch between
    /// segments adds a wrong curvature.
    @Test(
        "Masked secants keep the curvatures of segments apart",
        arguments: [OptimizerKind.bfgs, .safeBFGS, .lbfgs])
    func maskedSecantsKeepSegmentsApart(_ kind: OptimizerKind) throws {
        let expected =
            try alone(kind, atoms: 0..<7, steps: [8]) + alone(kind, atoms: 7..<11, steps: [6])
        #expect(furthest(try alternating(.maskedSecant, kind), expected) < 1e-8)
        #expect(furthest(try alternating(.literal, kind), expected) > 1e-4)
    }

    @Test("A reset discards all curvature", arguments: OptimizerKind.allCases)
    func aResetBeginsAnew(_ kind: OptimizerKind) throws {
        let expected =
            try alone(kind, atoms: 0..<7, steps: [4, 4]) + alone(kind, atoms: 7..<11, steps: [3, 3])
        #expect(furthest(try alternating(.reset, kind), expected) < 1e-8)
        if kind == .fire || kind == .fire2 {
            #expect(furthest(try alternating(.maskedSecant, kind), expected) < 1e-8)
        }
    }

    @Test("A reset restarts the optimiser") func resets() throws {
        var relaxer = Relaxer(
            .sevenMorse, forceField: PairField.morse, settings: .init(.bfgs) { $0.resetEvery = 5 })
        try relaxer.run(steps: 11)
        let expected = try alone(.bfgs, atoms: 0..<7, steps: [5, 5])
        #expect(furthest(try #require(relaxer.current).atoms.positions, expected) < 1e-12)
    }

    @Test("An alternation converges when all segments have converged") func alternationConverges() throws {
        let shell = [false, false, true, true, true, true, true]
        var relaxer = Relaxer(
            .sevenMorse, forceField: PairField.morse,
            settings: .init(.bfgs, fmax: 1e-3) {
                $0.alternation = Alternation(
                    segments: [
                        .init(movable: shell, steps: 24), .init(movable: shell.map { !$0 }, steps: 12),
                    ],
                    rounds: 200)
            })
        var places: Set<Int> = []
        while relaxer.status == .running {
            let before = relaxer.current
            let segment = try #require(relaxer.place).segment
            places.insert(segment)
            let frame = try relaxer.advance()
            guard let before else { continue }
            for i in 0..<7 where (segment == 0) != shell[i] {
                #expect(frame.atoms.positions[i] == before.atoms.positions[i])
            }
        }
        #expect(relaxer.status == .converged)
        #expect(places == [0, 1])
        let last = try #require(relaxer.current)
        #expect(last.prediction.forces.allSatisfy { $0.length < 1e-3 })
    }

    // MARK: Rigid motions

    /// A model without an energy may predict a net force and a net torque.
    @Test("Net force and torque are removed") func netForce() throws {
        var field = PairField.morse
        field.drift = [0.3, -0.2, 0.1]
        func centroid(removing: Bool) throws -> SIMD3<Double> {
            var relaxer = Relaxer(
                .sevenMorse, forceField: field,
                settings: .init(.bfgs, maxSteps: 20) { $0.removesNetForce = removing })
            try relaxer.run()
            return try #require(relaxer.current).atoms.positions.reduce(.zero, +) / 7
        }
        let start = Atoms.sevenMorse.positions.reduce(.zero, +) / 7
        #expect((try centroid(removing: true) - start).length < 1e-10)
        #expect((try centroid(removing: false) - start).length > 0.05)
    }

    @Test("A net torque is removed") func netTorque() throws {
        let pair = Atoms(elements: [.gold, .gold], positions: [[-1.3, 0, 0], [1.3, 0, 0]])
        var twist = Twist()
        var relaxer = Relaxer(
            pair, forceField: twist, settings: .init(.bfgs) { $0.removesNetTorque = true })
        try relaxer.advance()
        #expect(relaxer.status == .converged)
        twist.pull = 0.4
        relaxer = Relaxer(pair, forceField: twist, settings: .init(.bfgs) { $0.removesNetTorque = true })
        #expect(abs(try relaxer.advance().fmax - 0.4) < 1e-12)
        #expect(abs((relaxer.current?.prediction.forces[0].length ?? 0) - 0.4.squareRoot()) < 0.3)
        var free = Relaxer(pair, forceField: twist, settings: .init(.bfgs))
        #expect(try free.advance().fmax > 0.6)
    }

    /// A force field that rotates a pair of atoms about z and pulls it together.
    private struct Twist: ForceField {
        let hasEnergy = false
        let provenance = ForceFieldProvenance(
            name: "twist", kind: "test", version: "1", levelOfTheory: "none")
        var pull = 0.0

        func predict(_ atoms: Atoms) throws -> ForcePrediction {
            ForcePrediction(
                forces: atoms.positions.map { r in
                    0.5 * SIMD3(-r.y, r.x, 0) / r.length - pull * r / r.length
                },
                classes: atoms.elements.map(\.symbol), outOfDomain: atoms.elements.map { _ in false })
        }
    }

    // MARK: Limits for inaccurate forces

    @Test("Atoms out of domain are fixed") func frozenAtoms() throws {
        var field = PairField.morse
        field.isUnknown = { _, atom in atom == 6 }
        let settings = RelaxationSettings(.bfgs, fmax: 1e-3) { $0.freezesOutOfDomain = true }
        var relaxer = Relaxer(.sevenMorse, forceField: field, settings: settings)
        try relaxer.run()
        #expect(relaxer.status == .stopped(.outOfDomain(frozen: 1)))
        let last = try #require(relaxer.current)
        #expect(last.frozen == 1)
        #expect(last.atoms.positions[6] == Atoms.sevenMorse.positions[6])
        #expect(last.prediction.forces.prefix(6).allSatisfy { $0.length < 1e-3 })
        field.isUnknown = { _, _ in true }
        var hopeless = Relaxer(.sevenMorse, forceField: field, settings: settings)
        try hopeless.advance()
        #expect(hopeless.status == .stopped(.outOfDomain(frozen: 7)))
    }

    /// An atom is out of domain in the first steps and does not move. This adds no wrong curvature for the other atoms,
    /// and the atom moves afterwards.
    @Test("An atom that is no longer out of domain moves again") func unfrozenAtoms() throws {
        var field = PairField.morse
        field.isUnknown = { atoms, atom in
            atom == 6 && atoms.positions[5] == Atoms.sevenMorse.positions[5]
        }
        var relaxer = Relaxer(
            .sevenMorse, forceField: field,
            settings: .init(.bfgs, fmax: 1e-3) { $0.freezesOutOfDomain = true })
        try relaxer.advance()
        #expect(relaxer.current?.frozen == 1)
        try relaxer.run()
        #expect(relaxer.status == .converged)
        #expect(relaxer.best?.frozen == 0)
    }

    @Test("Atoms with a large expected error take shorter steps") func trustedError() throws {
        var field = PairField.morse
        field.uncertainty = { $0 == 5 ? 0.8 : 0.1 }
        var relaxer = Relaxer(
            .sevenMorse, forceField: field,
            settings: .init(.bfgs, fmax: 1e-3, maxStep: 0.1) { $0.trustedError = 0.2 })
        var (longest, doubtful) = (0.0, 0.0)
        while relaxer.status == .running {
            let before = relaxer.current
            let frame = try relaxer.advance()
            guard let before else { continue }
            for i in 0..<7 {
                let d = (frame.atoms.positions[i] - before.atoms.positions[i]).length
                if i == 5 { doubtful = max(doubtful, d) } else { longest = max(longest, d) }
            }
        }
        #expect(relaxer.status == .converged)
        #expect(abs(doubtful - 0.1 * 0.2 / 0.8) < 1e-9)
        #expect(longest > 0.04 && longest < 0.1 + 1e-9)
    }
}

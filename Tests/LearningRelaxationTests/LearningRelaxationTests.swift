import Atomistics
import Foundation
import LearningRelaxation
import LinearAlgebra
import SOAPPotential
import Testing

/// Morse potentials between all pairs, with exact forces; used as the engine and, with other parameters, as the base.
private struct Morse: ForceField {
    var depth = 1.0
    var width = 1.3
    var scale = 1.0
    /// Error that is added to every force, eV/Å, to make a base that is wrong.
    var push = 0.0

    let provenance = ForceFieldProvenance(name: "morse", kind: "test", version: "", levelOfTheory: "none")
    var hasEnergy: Bool { true }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var forces = [SIMD3<Double>](repeating: .zero, count: atoms.count)
        var energy = 0.0
        for i in 0..<atoms.count {
            for j in 0..<i {
                let offset = atoms.positions[i] - atoms.positions[j]
                let r = offset.length
                let contact =
                    scale
                    * ((atoms.elements[i].covalentRadius ?? 1) + (atoms.elements[j].covalentRadius ?? 1))
                let decay = exp(-width * (r - contact))
                energy += depth * (1 - decay) * (1 - decay)
                let force = (-2 * depth * width * (1 - decay) * decay / r) * offset
                forces[i] += force
                forces[j] -= force
            }
        }
        for i in forces.indices where push != 0 {
            energy -= push * atoms.positions[i].x * (i % 2 == 0 ? 1 : -1)
            forces[i].x += push * (i % 2 == 0 ? 1 : -1)
        }
        return ForcePrediction(
            forces: forces, energy: energy, classes: atoms.elements.map(\.symbol),
            outOfDomain: [Bool](repeating: false, count: atoms.count))
    }
}

private let cluster: Atoms = {
    let gold = Element(symbol: "Au")!
    let sulfur = Element(symbol: "S")!
    return Atoms(
        elements: [gold, gold, gold, sulfur, sulfur],
        positions: [[0, 0, 0], [2.7, 0.1, 0], [1.3, 2.4, 0.2], [1.2, 0.8, 2.2], [-1.4, 1.9, 0.7]])
}()

private let engine = Morse()

/// Relaxes with the engine's gradients, and returns the relaxation and the number of gradients.
private func relax(
    _ machine: LearningRelaxation, limit: Int = 60, fmax: Double = 0.05
) throws -> (machine: LearningRelaxation, calls: Int) {
    var machine = machine
    var positions = machine.start.positions
    for call in 1...limit {
        let said = try engine.predict(Atoms(elements: cluster.elements, positions: positions))
        try machine.observe(positions, energy: said.energy ?? .nan, forces: said.forces)
        if machine.frames[call - 1].fmax < fmax { return (machine, call) }
        positions = try machine.proposal().positions
    }
    return (machine, limit + 1)
}

@Suite struct LearningRelaxationTests {
    @Test("the gradient of a fitted correction is that of its energy")
    func correctionGradient() throws {
        var correction = try Correction(references: [cluster])
        let said = try engine.predict(cluster)
        try correction.add(cluster, forces: said.forces, energy: 0)
        var second = cluster
        second.positions[3].z += 0.15
        let there = try engine.predict(second)
        try correction.add(second, forces: there.forces, energy: (there.energy ?? 0) - (said.energy ?? 0))
        try correction.fit(around: 1, isFree: [Bool](repeating: true, count: 3 * cluster.count))
        let gradient = try correction.evaluate(second).gradient
        #expect(gradient.contains { $0.length > 0.1 })
        let h = 1e-4
        for atom in 0..<cluster.count {
            for axis in 0..<3 {
                var (up, down) = (second, second)
                up.positions[atom][axis] += h
                down.positions[atom][axis] -= h
                let slope =
                    (try correction.evaluate(up).energy - correction.evaluate(down).energy) / (2 * h)
                #expect(abs(slope - gradient[atom][axis]) < 1e-5)
            }
        }
    }

    @Test("the same gradients observed again give the same next geometry, bit for bit")
    func replay() throws {
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        let first = try relax(LearningRelaxation(start: cluster, base: base), limit: 5, fmax: 0).machine
        var again = try LearningRelaxation(start: cluster, base: base)
        for frame in first.frames {
            // As in a resumed run, the frames are observed without asking for the proposals that led to them.
            let said = try engine.predict(Atoms(elements: cluster.elements, positions: frame.positions))
            try again.observe(frame.positions, energy: frame.energy, forces: said.forces)
        }
        #expect(try again.proposal() == first.proposal())
        #expect(again.trustRadius == first.trustRadius)
    }

    @Test("a learnt correction needs fewer gradients than a quadratic model, and ends in a minimum")
    func fewerGradients() throws {
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        let learnt = try relax(LearningRelaxation(start: cluster, base: base))
        let quadratic = try relax(LearningRelaxation(start: cluster, base: .quadratic))
        #expect(learnt.calls <= 12)
        #expect(learnt.calls <= quadratic.calls)
        #expect(learnt.machine.frames.dropFirst().allSatisfy { $0.predictedEnergy != nil })
    }

    @Test("the relaxation converges even with a base that is wrong everywhere")
    func wrongBase() throws {
        let wrong = Base.forceField(Morse(depth: 0.05, width: 3, scale: 1.4, push: 1))
        let result = try relax(LearningRelaxation(start: cluster, base: wrong))
        #expect(result.calls <= 60)
    }

    @Test("no proposal is farther from the best frame than the trust radius")
    func trustRadius() throws {
        var machine = try LearningRelaxation(start: cluster, base: .forceField(Morse(scale: 1.2)))
        var positions = cluster.positions
        for _ in 0..<6 {
            let said = try engine.predict(Atoms(elements: cluster.elements, positions: positions))
            try machine.observe(positions, energy: said.energy ?? .nan, forces: said.forces)
            positions = try machine.proposal().positions
            let moves = zip(positions, machine.frames[machine.best].positions).map { ($0 - $1).length }
            #expect((moves.max() ?? 0) <= max(machine.trustRadius, 0.05) + 1e-9)
        }
    }

    @Test("no step is longer than allowed, whatever the trust radius")
    func largestStep() throws {
        var settings = LearningSettings()
        settings.maxStep = 0.03
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        let machine = try relax(
            LearningRelaxation(start: cluster, base: base, settings: settings), limit: 12, fmax: 0
        ).machine
        #expect(machine.trustRadius <= 0.03)
        var lengths: [Double] = []
        for (index, frame) in machine.frames.enumerated().dropFirst() {
            // Each step starts from one of the earlier frames.
            let moves = machine.frames[..<index].map { from in
                zip(frame.positions, from.positions).map { ($0 - $1).length }.max() ?? 0
            }
            lengths.append(moves.min() ?? 0)
        }
        #expect(lengths.allSatisfy { $0 <= 0.03 + 1e-9 })
        // Some steps are so long that the limit matters.
        #expect(lengths.contains { $0 > 0.02 })
    }

    @Test("the nearest point at which the surrogate is converged is proposed, not the surrogate's minimum")
    func nearest() throws {
        // Curvatures, eV/Å²; one of them is much smaller than the others.
        var hessian = Matrix(rows: 15, columns: 15)
        for i in 0..<15 { hessian[i, i] = i == 12 ? 0.4 : 20 }
        var settings = LearningSettings()
        settings.hessianFloor = 0.01
        func proposal(_ settings: LearningSettings) throws -> (Proposal, distance: Double) {
            var machine = try LearningRelaxation(
                start: cluster, isFree: [false, false, false, false, true], base: .quadratic,
                hessian: hessian, settings: settings)
            var forces = [SIMD3<Double>](repeating: .zero, count: 5)
            forces[4] = [0.08, 0, 0]
            try machine.observe(cluster.positions, energy: 0, forces: forces)
            let proposal = try machine.proposal()
            return (proposal, (proposal.positions[4] - cluster.positions[4]).length)
        }
        let near = try proposal(settings)
        settings.dampings = []
        let far = try proposal(settings)
        #expect(near.0.predictedFmax ?? 1 <= settings.fmax / 2)
        #expect(near.distance < far.distance - 0.01)
    }

    @Test("below fmax a lower geometry is proposed if the expected fall is large and certain enough")
    func lowerGeometry() throws {
        // A slope along one coordinate, whose minimum is beyond the trust radius.
        var hessian = Matrix(rows: 15, columns: 15)
        for i in 0..<15 { hessian[i, i] = i == 12 ? 0.4 : 20 }
        func lower(than expectedFall: Double, within radius: Double) throws -> Proposal? {
            var settings = LearningSettings()
            (settings.fmax, settings.hessianFloor, settings.expectedFall) = (1, 0.1, expectedFall)
            settings.trustRadius = radius
            var machine = try LearningRelaxation(
                start: cluster, isFree: [false, false, false, false, true], base: .quadratic,
                hessian: hessian, settings: settings)
            var forces = [SIMD3<Double>](repeating: .zero, count: 5)
            forces[4] = [0.8, 0, 0]
            try machine.observe(cluster.positions, energy: 0, forces: forces)
            return try machine.lowerGeometry()
        }
        // Within 0.1 Å the energy can fall by 0.8 · 0.1 − 0.4 · 0.1² / 2 = 0.078 eV.
        let proposal = try #require(try lower(than: 0.04, within: 0.1))
        let distance = (proposal.positions[4] - cluster.positions[4]).length
        #expect(distance > 0.08 && distance < 0.1 + 1e-9)
        let fall = -(proposal.predictedEnergy ?? 0)
        #expect(fall > 0.05 && fall < 0.078)
        #expect(try lower(than: 0.1, within: 0.1) == nil)
        // Farther away the surrogate expects a larger fall, but its standard deviation exceeds a quarter of it.
        #expect(try lower(than: 0.04, within: 0.25) == nil)
    }

    @Test("near convergence the trust radius follows the fall of the energy")
    func radiusByEnergy() {
        /// Returns the trust radius after a step that was taken with a radius of 0.2 Å.
        func radius(
            _ distance: Double, fall: Double, predicted: Double, force: Double, error: Double
        ) -> Double {
            let step = PredictedStep(
                distance: distance, fall: fall, predictedFall: predicted, force: force, forceError: error)
            return LearningSettings().trustRadius(after: step, from: 0.2)
        }
        // The energy falls as predicted in a flat valley: the radius grows, although the force error is larger than the
        // forces before the step.
        #expect(abs(radius(0.19, fall: 0.028, predicted: 0.03, force: 0.015, error: 0.024) - 0.32) < 1e-12)
        // The energy falls by half of the predicted fall, and the force errors are large: the radius stays.
        #expect(radius(0.19, fall: 0.07, predicted: 0.13, force: 0.05, error: 0.06) == 0.2)
        // The energy falls by less than half of the predicted fall: the radius shrinks.
        #expect(radius(0.16, fall: 0.008, predicted: 0.02, force: 0.02, error: 0.03) == 0.08)
        // The energy rises: the radius shrinks, but not below its lower limit.
        #expect(radius(0.06, fall: -0.01, predicted: 0.02, force: 0.2, error: 0.01) == 0.05)
        // The force errors are small: the radius grows after a long step, and stays after a short one.
        #expect(abs(radius(0.19, fall: 0.002, predicted: 0.002, force: 0.1, error: 0.02) - 0.32) < 1e-12)
        #expect(radius(0.1, fall: 0.002, predicted: 0.002, force: 0.1, error: 0.02) == 0.2)
    }

    @Test("after a rise the radius is smaller and steps start from the lower frame")
    func rise() throws {
        var machine = try LearningRelaxation(start: cluster, base: .forceField(Morse(scale: 1.03)))
        let said = try engine.predict(cluster)
        try machine.observe(cluster.positions, energy: said.energy ?? .nan, forces: said.forces)
        let next = try machine.proposal().positions
        let before = machine.trustRadius
        try machine.observe(next, energy: (said.energy ?? 0) + 1, forces: said.forces.map { 3 * $0 })
        #expect(machine.trustRadius < before)
        #expect(machine.best == 0)
    }

    @Test("fixed atoms stay, and numbers that are not finite are refused")
    func fixedAtoms() throws {
        var free = [Bool](repeating: true, count: cluster.count)
        free[1] = false
        var machine = try LearningRelaxation(
            start: cluster, isFree: free, base: .forceField(Morse(scale: 1.05)))
        let said = try engine.predict(cluster)
        #expect(throws: LearningError.notFinite) {
            try machine.observe(cluster.positions, energy: .nan, forces: said.forces)
        }
        try machine.observe(cluster.positions, energy: said.energy ?? .nan, forces: said.forces)
        let proposal = try machine.proposal()
        #expect(proposal.positions[1] == cluster.positions[1])
        #expect(proposal.positions[0] != cluster.positions[0])
    }

    @Test("a fixed coordinate keeps its value, and its force does not count")
    func fixedCoordinates() throws {
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        // Atom 0 is fixed, atoms 1 and 2 move along x only. To fix position and orientation, one fixed coordinate fewer
        // would do.
        let free = [false, true, true, true, true]
        let result = try relax(
            LearningRelaxation(start: cluster, isFree: free, fixedCoordinates: [4, 5, 7, 8], base: base))
        #expect(result.calls <= 12)
        for frame in result.machine.frames {
            #expect(frame.positions[0] == cluster.positions[0])
            #expect(
                frame.positions[1].y == cluster.positions[1].y
                    && frame.positions[1].z == cluster.positions[1].z)
            #expect(
                frame.positions[2].y == cluster.positions[2].y
                    && frame.positions[2].z == cluster.positions[2].z)
            #expect(frame.forces[0] == .zero && frame.forces[1].y == 0 && frame.forces[2].z == 0)
        }
        let last = try #require(result.machine.frames.last)
        #expect(last.positions[1].x != cluster.positions[1].x)
        #expect(last.positions[2].x != cluster.positions[2].x)
        // The engine's forces along fixed coordinates are not zero.
        let forces = try engine.predict(Atoms(elements: cluster.elements, positions: last.positions)).forces
        #expect([forces[0].length, abs(forces[1].y), abs(forces[2].y)].max() ?? 0 > 0.01)
    }

    @Test("a net force of the engine is neither followed nor learnt")
    func netForce() throws {
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        let said = try engine.predict(cluster)
        func proposal(_ push: SIMD3<Double>) throws -> Proposal {
            var machine = try LearningRelaxation(start: cluster, base: base)
            try machine.observe(
                cluster.positions, energy: said.energy ?? .nan, forces: said.forces.map { $0 + push })
            return try machine.proposal()
        }
        let (plain, pushed) = (try proposal(.zero), try proposal([0.2, -0.1, 0.3]))
        for (a, b) in zip(plain.positions, pushed.positions) { #expect((a - b).length < 1e-6) }
    }

    @Test("gradients of an earlier job are used for any order of the atoms, but not for another composition")
    func learntBefore() throws {
        let base = Base.forceField(Morse(depth: 0.7, width: 1.5, scale: 1.03))
        let order = [4, 2, 0, 3, 1]
        var earlier = Atoms(
            elements: order.map { cluster.elements[$0] }, positions: order.map { cluster.positions[$0] })
        let said = try engine.predict(earlier)
        (earlier.energy, earlier.forces) = (said.energy, said.forces)
        func proposal(_ frames: [Atoms]) throws -> Proposal {
            var machine = try LearningRelaxation(start: cluster, base: base)
            try machine.learn(frames)
            let here = try engine.predict(cluster)
            try machine.observe(cluster.positions, energy: here.energy ?? .nan, forces: here.forces)
            return try machine.proposal()
        }
        #expect(try proposal([earlier]).positions != proposal([]).positions)
        let other = Atoms(elements: [.hydrogen, .hydrogen], positions: [[0, 0, 0], [0, 0, 0.8]])
        #expect(throws: LearningError.otherComposition(expected: cluster.formula, found: other.formula)) {
            try proposal([other])
        }
    }
}

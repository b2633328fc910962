import Atomistics
import Descriptors
import Foundation
import ModelFile
import SOAPPotential
import Testing

@Suite struct SOAPPotentialTests {
    @Test("Forces are minus the gradient of the energy") func forcesAreMinusTheGradientOfTheEnergy() throws {
        let potential = try LabelledRings.potential()
        var atoms = try LabelledRings.split().held[0]
        // Two atoms are so close that the repulsion acts.
        atoms.positions[8] = atoms.positions[4] + 0.5 * (atoms.positions[8] - atoms.positions[4])
        let forces = try potential.predict(atoms).forces
        let scale = forces.map(\.length).max() ?? 1
        for (atom, axis) in [(0, 0), (4, 1), (8, 2), (8, 0), (20, 1)] {
            func energy(_ shift: Double) throws -> Double {
                var moved = atoms
                moved.positions[atom][axis] += shift
                return try #require(try potential.predict(moved).energy)
            }
            let h = 1e-4
            let slope = (8 * (try energy(h) - energy(-h)) - (try energy(2 * h) - energy(-2 * h))) / (12 * h)
            #expect(abs(slope + forces[atom][axis]) < 1e-6 * max(1, scale))
        }
        #expect(forces.reduce(SIMD3<Double>.zero, +).length < 1e-9 * max(1, scale))
    }

    @Test("Held-out frames are predicted") func learnsHeldOutFrames() throws {
        let (training, held) = try LabelledRings.split()
        var settings = LabelledRings.settings
        settings.refitsOnAllFrames = false
        let potential = try SOAPPotential.train(frames: training, settings: settings, validation: held)
        let accuracy = try potential.accuracy(on: held)
        for (symbol, row) in accuracy.rows {
            #expect(row.componentRMSE < 0.25 * row.referenceRMS, "\(symbol): \(accuracy.line)")
        }
    }

    @Test("The energy is invariant under motion and permutation") func invariantUnderMotionAndPermutation()
        throws
    {
        let potential = try LabelledRings.potential()
        let atoms = try LabelledRings.split().held[1]
        let before = try potential.predict(atoms)
        let (c, s) = (cos(1.1), sin(1.1))
        func turned(_ v: SIMD3<Double>) -> SIMD3<Double> { [v.y, c * v.x - s * v.z, s * v.x + c * v.z] }
        let order = Array((0..<atoms.count).reversed())
        let moved = Atoms(
            elements: order.map { atoms.elements[$0] },
            positions: order.map { turned(atoms.positions[$0]) + [4, 5, -6] })
        let after = try potential.predict(moved)
        #expect(abs(try #require(after.energy) - #require(before.energy)) < 1e-8)
        for (new, old) in order.enumerated() {
            #expect((after.forces[new] - turned(before.forces[old])).length < 1e-7)
        }
    }

    @Test("The energy is continuous at the cutoff") func energyIsContinuousAtTheCutoff() throws {
        let potential = try LabelledRings.potential()
        func energy(_ distance: Double) throws -> Double {
            let atoms = Atoms(elements: [.gold, .sulfur], positions: [.zero, [0, 0, distance]])
            return try potential.energyAndForces(atoms).energy
        }
        let edge = try #require(LabelledRings.settings.descriptor.cutoffRadius)
        #expect(abs(try energy(edge - 1e-6) - energy(edge + 1e-6)) < 1e-9)
        #expect(try energy(0.4) > energy(1.5) + 100)
    }

    @Test("The Hessian is symmetric and the derivative of the forces")
    func hessianIsSymmetricAndTheDerivativeOfTheForces() throws {
        let potential = try LabelledRings.potential()
        let atoms = try LabelledRings.split().held[2]
        let size = 3 * atoms.count
        let hessian = try #require(try potential.hessian(atoms))
        #expect(hessian.count == size * size)
        for i in 0..<size {
            for j in 0..<i { #expect(hessian[i * size + j] == hessian[j * size + i]) }
        }
        // A translation of all atoms does not change the energy.
        for i in 0..<size {
            let row = stride(from: 0, to: size, by: 3).reduce(0) { $0 + hessian[i * size + $1] }
            #expect(abs(row) < 1e-4)
        }
        // The product of the Hessian with a vector is computed without the matrix.
        let vector = (0..<atoms.count).map { SIMD3(sin(Double($0)), cos(3 * Double($0)), 0.5) }
        let image = try potential.hessianVectorProduct(atoms, vector)
        let scale = hessian.map(abs).max() ?? 1
        for i in 0..<size {
            let row = (0..<size).reduce(0) { $0 + hessian[i * size + $1] * vector[$1 / 3][$1 % 3] }
            #expect(abs(row - image[i / 3][i % 3]) < 1e-3 * scale)
        }
        #expect(
            try potential.hessianVectorProduct(atoms, .init(repeating: .zero, count: atoms.count))
                .allSatisfy { $0 == .zero })
    }

    @Test("The same frames and settings give the same bytes") func sameFramesAndSettingsGiveTheSameBytes()
        throws
    {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("soap-potential-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let paths = ["a", "b"].map { directory.appendingPathComponent($0).path }
        let first = try LabelledRings.potential().write(to: paths[0])
        let second = try LabelledRings.potential().write(to: paths[1])
        #expect(first.provenance == second.provenance)
        #expect(
            FileManager.default.contents(atPath: paths[0])
                == FileManager.default.contents(atPath: paths[1]))
        let read = try SOAPPotential(ModelFile(contentsOf: paths[0], kind: SOAPPotential.fileKind))
        let atoms = try LabelledRings.split().held[0]
        let (written, reread) = (try first.predict(atoms), try read.predict(atoms))
        #expect(written.forces == reread.forces)
        #expect(written.uncertainty == reread.uncertainty)
        #expect(read.provenance == first.provenance)
        #expect(read.settings == first.settings)
    }

    @Test("The expected error grows away from the data") func doubtGrowsAwayFromTheData() throws {
        let potential = try LabelledRings.potential()
        let (training, _) = try LabelledRings.split()
        let known = try potential.predict(training[2])
        #expect(!known.outOfDomain.contains(true))
        #expect(known.warnings.isEmpty)
        let cluster = try potential.predict(try LabelledRings.load().cluster.atoms)
        #expect(cluster.outOfDomain.count { $0 } > 40)
        #expect(cluster.warnings.count == 1)
        func mean(_ values: [Double]?) -> Double {
            (values ?? []).reduce(0, +) / Double(values?.count ?? 1)
        }
        #expect(mean(cluster.uncertainty) > 1.2 * mean(known.uncertainty))
        // The expected error of the energy grows, too. For the frames that it was calibrated on, it is correct on
        // average.
        let held = try LabelledRings.split().held
        var settings = LabelledRings.settings
        settings.refitsOnAllFrames = false
        let examined = try SOAPPotential.train(frames: training, settings: settings, validation: held)
        var ratio = 0.0
        for atoms in held {
            let prediction = try examined.predict(atoms)
            let error = try #require(prediction.energy) - #require(atoms.energy)
            let expected = try #require(prediction.energyUncertainty)
            #expect(expected > 0)
            ratio += error * error / (expected * expected) / Double(held.count)
        }
        #expect(abs(ratio - 1) < 1e-6)
        #expect(try #require(cluster.energyUncertainty) > #require(known.energyUncertainty))
    }
}

@Suite struct DescentTests {
    /// All atoms of the ring are displaced by up to 0.15 Å. The energy falls in every step, and no atoms fuse or come
    /// off.
    @Test("A distorted ring relaxes") func aDistortedRawRingRelaxes() throws {
        let potential = try LabelledRings.potential()
        var atoms = try LabelledRings.split().training[0]
        for i in 0..<atoms.count {
            for axis in 0..<3 { atoms.positions[i][axis] += 0.15 * sin(Double(7 * i + 3 * axis + 1)) }
        }
        var (energy, forces) = try potential.energyAndForces(atoms)
        let start = energy
        var step = 0.005
        for _ in 0..<300 {
            var trial = atoms
            for i in 0..<atoms.count {
                let move = step * forces[i]
                trial.positions[i] += move * min(1, 0.1 / max(move.length, 1e-9))
            }
            let next = try potential.energyAndForces(trial)
            if next.energy < energy {
                (atoms, energy, forces, step) = (trial, next.energy, next.forces, step * 1.2)
            } else {
                step /= 2
            }
            if forces.allSatisfy({ $0.length < 0.02 }) { break }
        }
        #expect(energy < start - 5)
        #expect((forces.map(\.length).max() ?? 1) < 0.5)
        for i in 0..<atoms.count {
            for j in 0..<i {
                let radii =
                    try #require(atoms.elements[i].covalentRadius)
                    + #require(atoms.elements[j].covalentRadius)
                #expect((atoms.positions[i] - atoms.positions[j]).length > 0.8 * radii)
            }
            #expect(atoms.positions[i].length < 9)
        }
    }
}

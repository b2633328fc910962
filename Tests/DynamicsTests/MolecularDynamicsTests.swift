import Atomistics
import Dynamics
import Testing

/// A force field of springs to the origin, V = Σ_i k |r_i|²/2, and a pair term, which couples the motions of the atoms.
private struct Springs: ForceField {
    let provenance = ForceFieldProvenance(
        name: "springs", kind: "test", version: "1", levelOfTheory: "springs")
    var hasEnergy: Bool { true }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        var energy = 0.0
        var forces = atoms.positions.map { -0.5 * $0 }
        for i in atoms.positions.indices {
            energy += 0.25 * atoms.positions[i].squaredLength
            for j in 0..<i {
                let d = atoms.positions[i] - atoms.positions[j]
                let r = d.length
                energy += 2 * (r - 2) * (r - 2)
                forces[i] -= 4 * (r - 2) / r * d
                forces[j] += 4 * (r - 2) / r * d
            }
        }
        return ForcePrediction(
            forces: forces, energy: energy, classes: atoms.elements.map(\.symbol),
            outOfDomain: [Bool](repeating: false, count: atoms.count))
    }
}

@Suite("Molecular dynamics")
struct MolecularDynamicsTests {
    private let atoms = Atoms(
        elements: [.gold, .sulfur, .carbon, .hydrogen, .hydrogen],
        positions: [[0, 0, 0], [2.1, 0.1, 0], [0.2, 2.0, 0.3], [-1.9, 0.2, 0.4], [0.1, -0.3, 2.2]])

    private func settings(_ change: (inout DynamicsSettings) -> Void) -> DynamicsSettings {
        var settings = DynamicsSettings()
        change(&settings)
        return settings
    }

    @Test("NVE conserves the energy, with an error of second order in the time step")
    func energyIsConserved() throws {
        func spread(_ timeStep: Double) throws -> Double {
            var run = try MolecularDynamics(
                atoms, forceField: Springs(),
                settings: settings {
                    ($0.timeStep, $0.steps, $0.seed) = (timeStep, Int(400 / timeStep), 3)
                })
            let total = { (run: MolecularDynamics) in
                (run.current.prediction.energy ?? .nan) + run.current.kineticEnergy
            }
            let first = total(run)
            var largest = 0.0
            while !run.isFinished {
                try run.advance()
                largest = max(largest, abs(total(run) - first))
            }
            return largest
        }
        let (coarse, fine) = (try spread(0.5), try spread(0.25))
        #expect(coarse < 0.1, "fluctuation, eV; the energy is about 40 eV")
        #expect(coarse / fine > 3 && coarse / fine < 5, "\(coarse) \(fine)")
    }

    @Test("The first velocities have no net momentum")
    func momentumIsZeroAtTheStart() throws {
        let run = try MolecularDynamics(atoms, forceField: Springs(), settings: settings { $0.seed = 7 })
        let momentum = zip(atoms.elements, run.current.velocities).reduce(SIMD3<Double>.zero) {
            $0 + $1.0.mass * $1.1
        }
        #expect(momentum.length < 1e-12)
        #expect(run.temperature > 30 && run.temperature < 1500)
    }

    @Test("Langevin dynamics reaches the temperature of its thermostat")
    func thermostat() throws {
        var run = try MolecularDynamics(
            atoms, forceField: Springs(),
            settings: settings {
                ($0.timeStep, $0.steps, $0.friction, $0.seed) = (1, 60_000, 20, 11)
                ($0.temperature, $0.finalTemperature) = (500, 500)
            })
        var (sum, count) = (0.0, 0.0)
        while !run.isFinished {
            try run.advance()
            guard run.current.step > 5000 else { continue }
            (sum, count) = (sum + run.temperature, count + 1)
        }
        #expect(abs(sum / count - 500) < 25, "\(sum / count) K")
    }

    @Test("A run resumed from a file takes bit for bit the same steps")
    func restart() throws {
        let settings = settings {
            ($0.steps, $0.friction, $0.finalTemperature, $0.seed) = (60, 10, 600, 5)
        }
        let field = Springs()
        var whole = try MolecularDynamics(atoms, forceField: field, settings: settings)
        var written: [UInt8] = []
        while !whole.isFinished {
            try whole.advance()
            if whole.current.step == 23 { written = ExtXYZ.bytes(of: [whole.annotated(start: "s")]) }
        }
        var reader = try ExtXYZReader(MemoryBytes(written, label: "frame"))
        let read = try #require(try reader.next())
        let frame = try #require(
            DynamicsFrame(read, by: field.provenance, settings: settings, start: "s"))
        var resumed = MolecularDynamics(resuming: frame, forceField: field, settings: settings)
        while !resumed.isFinished { try resumed.advance() }
        #expect(resumed.current.atoms.positions == whole.current.atoms.positions)
        #expect(resumed.current.velocities == whole.current.velocities)
        var other = settings
        other.seed = 6
        #expect(DynamicsFrame(read, by: field.provenance, settings: other, start: "s") == nil)
        #expect(DynamicsFrame(read, by: field.provenance, settings: settings, start: "t") == nil)
    }

    @Test("Atoms whose move mask is false keep their positions")
    func fixedAtoms() throws {
        var masked = atoms
        masked.moveMask = [false, true, true, true, true]
        var run = try MolecularDynamics(
            masked, forceField: Springs(), settings: settings { ($0.steps, $0.friction) = (50, 5) })
        while !run.isFinished { try run.advance() }
        #expect(run.current.atoms.positions[0] == atoms.positions[0])
        #expect(run.current.velocities[0] == .zero)
        #expect(run.current.atoms.positions[1] != atoms.positions[1])
    }

    @Test("Settings outside their range are refused with a sentence")
    func problems() {
        #expect(
            settings { $0.timeStep = 0 }.problem == "the time step is 0.0 fs, which is outside 0 to 20 fs")
        #expect(
            settings { $0.friction = -1 }.problem == "the friction is -1.0/ps, which is outside 0 to 1000/ps")
        #expect(settings { $0.temperature = .nan }.problem != nil)
        #expect(settings { _ in }.problem == nil)
    }
}

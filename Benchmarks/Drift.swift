import Atomistics
import Foundation
import LinearAlgebra
import ModelFile
import SOAPPotential

/// Measures the conservation of energy by velocity Verlet from 300 K, with steps of 0.5 fs for 2 ps.
///
/// The notes have the slope of the total energy, eV per atom and ps, by least squares over the second half; its RMS
/// fluctuation, eV per atom; and the mean temperature, K.
func measureDrift(model: String, structure: String) throws -> Measurement {
    let potential = try SOAPPotential(ModelFile(contentsOf: model, kind: SOAPPotential.fileKind))
    var atoms = try ExtXYZ.read(path: structure)[0]
    // Å, eV, and the time unit that belongs to atomic masses: 10.1805 fs.
    let (step, picosecond, boltzmann) = (0.5 / 10.180505, 1000 / 10.180505, 8.617333e-5)
    let masses = atoms.elements.map(\.mass)
    var random = SplitMix(seed: 300)
    func normal() -> Double {
        let (u, v) = (Double.random(in: 1e-12...1, using: &random), Double.random(in: 0...1, using: &random))
        return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
    }
    var velocities = masses.map { mass in
        (boltzmann * 300 / mass).squareRoot() * SIMD3(normal(), normal(), normal())
    }
    let momentum = zip(masses, velocities).reduce(SIMD3<Double>.zero) { $0 + $1.0 * $1.1 }
    let total = masses.reduce(0, +)
    for i in velocities.indices { velocities[i] -= momentum / total }

    var (energy, forces) = try potential.energyAndForces(atoms)
    var (times, totals, temperature) = ([Double](), [Double](), 0.0)
    let steps = 4000
    var measurement = try Measurement(once: {
        for n in 0..<steps {
            for i in 0..<atoms.count {
                velocities[i] += step / 2 / masses[i] * forces[i]
                atoms.positions[i] += step * velocities[i]
            }
            (energy, forces) = try potential.energyAndForces(atoms)
            var kinetic = 0.0
            for i in 0..<atoms.count {
                velocities[i] += step / 2 / masses[i] * forces[i]
                kinetic += masses[i] / 2 * velocities[i].squaredLength
            }
            if n >= steps / 2 {
                times.append(Double(n) * step / picosecond)
                totals.append((energy + kinetic) / Double(atoms.count))
                temperature += kinetic / (1.5 * Double(atoms.count) * boltzmann) / Double(steps / 2)
            }
        }
    })
    let mean = { (x: [Double]) in x.reduce(0, +) / Double(x.count) }
    let (t, e) = (mean(times), mean(totals))
    let slope =
        zip(times, totals).reduce(0) { $0 + ($1.0 - t) * ($1.1 - e) }
        / times.reduce(0) { $0 + ($1 - t) * ($1 - t) }
    measurement.notes = [
        "drift": slope, "fluctuation": mean(totals.map { ($0 - e) * ($0 - e) }).squareRoot(),
        "temperature": temperature,
    ]
    return measurement
}

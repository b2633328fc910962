import ArgumentParser
import Atomistics
import Foundation
import ModelFile
import Relaxation
import SOAPPotential

/// A command that prints the cost of a force call, of a step of each optimiser and of the Hessian by number of atoms.
struct Sizes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time and memory by number of atoms, with the slopes between sizes.",
        discussion: """
            Each size is a sphere of fcc gold covered with methylthiolate, made for this purpose; it is no known \
            cluster. A step includes its force call. A slope of 1 is linear.
            """)

    @Argument(help: "Model file.")
    var model = "models/thiolate-gold/thiolate-gold.aurelax-model"
    @Option(help: "Largest number of atoms for the Hessian and for optimisers with a matrix.")
    var largestMatrix = 700
    @Option var steps = 10

    func run() throws {
        let potential = try SOAPPotential(ModelFile(contentsOf: model, kind: SOAPPotential.fileKind))
        let columns = ["force call", "step of lbfgs", "step of bfgs", "Hessian"]
        print("| atoms | \(columns.joined(separator: " | ")) |\n|---|---|---|---|---|")
        var earlier: (atoms: Int, seconds: [Double?])?
        for (gold, ligands) in [(38, 24), (144, 60), (246, 80), (500, 200), (1500, 586)] {
            let atoms = Self.cluster(gold: gold, ligands: ligands)
            let isSmall = atoms.count <= largestMatrix
            let seconds: [Double?] = [
                try Measurement(repeats: 5) { _ = try potential.energyAndForces(atoms) }.best,
                try step(.lbfgs, atoms, potential),
                isSmall ? try step(.bfgs, atoms, potential) : nil,
                isSmall ? try Measurement(once: { _ = try potential.hessian(atoms) }).best : nil,
            ]
            let cells = seconds.indices.map { column in
                guard let value = seconds[column] else { return "–" }
                guard let earlier, let before = earlier.seconds[column] else { return time(value) }
                let slope = log(value / before) / log(Double(atoms.count) / Double(earlier.atoms))
                return "\(time(value)) (\(String(format: "%.1f", slope)))"
            }
            print("| \(atoms.count) | \(cells.joined(separator: " | ")) |")
            earlier = (atoms.count, seconds)
        }
        let memory = Measurement(once: {}).peakMemory ?? 0
        print("\nPeak memory: \(memory / 1_000_000) MB. In brackets: the exponent from the row above.")
    }

    /// Returns the mean time of a step, s.
    private func step(_ optimizer: OptimizerKind, _ atoms: Atoms, _ potential: SOAPPotential) throws -> Double
    {
        var settings = RelaxationSettings()
        (settings.optimizer, settings.fmax, settings.maxSteps) = (optimizer, 1e-6, steps)
        var relaxer = Relaxer(atoms, forceField: potential, settings: settings)
        _ = try relaxer.advance()
        return try Measurement(once: {
            while relaxer.status == .running { _ = try relaxer.advance() }
        }).best / Double(steps)
    }

    /// Returns the `gold` innermost atoms of an fcc crystal, with methylthiolates spread evenly over the surface
    /// (Au–S 2.45 Å).
    static func cluster(gold: Int, ligands: Int) -> Atoms {
        let edge = 4.08
        var lattice: [SIMD3<Double>] = []
        for x in -8...8 {
            for y in -8...8 {
                for z in -8...8 {
                    for site in [SIMD3(0, 0, 0), SIMD3(0, 0.5, 0.5), SIMD3(0.5, 0, 0.5), SIMD3(0.5, 0.5, 0)] {
                        lattice.append((SIMD3(Double(x), Double(y), Double(z)) + site) * edge)
                    }
                }
            }
        }
        let core = lattice.sorted { $0.squaredLength < $1.squaredLength }.prefix(gold)
        var atoms = Atoms(elements: core.map { _ in .gold }, positions: Array(core))
        for k in 0..<ligands {
            let height = 1 - 2 * (Double(k) + 0.5) / Double(ligands)
            let (radius, angle) = ((1 - height * height).squareRoot(), Double(k) * .pi * (1 + 5.squareRoot()))
            let outwards = SIMD3(radius * cos(angle), radius * sin(angle), height)
            var sulfur = (core.last ?? .zero).length * outwards
            while core.contains(where: { ($0 - sulfur).length < 2.45 }) { sulfur += 0.05 * outwards }
            // Carbon is in line with gold and sulfur; the hydrogens are staggered, at 1.09 Å.
            let aside = SIMD3(outwards.y - outwards.z, outwards.z - outwards.x, outwards.x - outwards.y)
            let first = aside.length > 1e-6 ? aside / aside.length : SIMD3(1, 0, 0)
            let second = SIMD3(
                outwards.y * first.z - outwards.z * first.y, outwards.z * first.x - outwards.x * first.z,
                outwards.x * first.y - outwards.y * first.x)
            atoms.elements += [.sulfur, .carbon, .hydrogen, .hydrogen, .hydrogen]
            atoms.positions += [sulfur, sulfur + 1.83 * outwards]
            for turn in 0..<3 {
                let phase = 2 * Double.pi * Double(turn) / 3
                atoms.positions.append(
                    sulfur + 2.19 * outwards + 1.03 * (cos(phase) * first + sin(phase) * second))
            }
        }
        return atoms
    }
}

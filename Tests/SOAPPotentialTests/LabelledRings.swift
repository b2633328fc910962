import Atomistics
import Descriptors
import Foundation
import SOAPPotential

/// Frames of a ring with four gold atoms and of one cluster, with PBE forces; written by Golden/generate.py.
struct LabelledRings: Decodable {
    struct Frame: Decodable {
        let symbols: [String]
        let positions: [[Double]]
        let energy: Double?
        let forces: [[Double]]?

        var atoms: Atoms {
            var atoms = Atoms(
                elements: symbols.compactMap { Element(symbol: $0) },
                positions: positions.map { [$0[0], $0[1], $0[2]] })
            atoms.energy = energy
            atoms.forces = forces?.map { [$0[0], $0[1], $0[2]] }
            atoms.levelOfTheory = "PBE"
            return atoms
        }
    }

    let rings: [Frame]
    let cluster: Frame

    static func load() throws -> LabelledRings {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/rings.json")
        return try JSONDecoder().decode(LabelledRings.self, from: Data(contentsOf: path))
    }

    /// Returns the training frames, and held-out frames from the end of the molecular dynamics.
    static func split() throws -> (training: [Atoms], held: [Atoms]) {
        let frames = try load().rings.map(\.atoms)
        return (Array(frames.dropLast(3)), Array(frames.suffix(3)))
    }

    /// Settings for a potential that is small enough for a test, and accurate enough that its errors mean something.
    static var settings: SOAPPotentialSettings {
        var settings = SOAPPotentialSettings()
        settings.descriptor = .init(
            rCut: 4, nMax: 4, lMax: 2, sigma: 0.35, cutoffRadius: 4.5, cutoffWidth: 1.5)
        settings.inducing = 24
        settings.priors = [10]
        return settings
    }

    static func potential() throws -> SOAPPotential {
        let (training, held) = try split()
        return try SOAPPotential.train(frames: training, settings: settings, validation: held)
    }
}

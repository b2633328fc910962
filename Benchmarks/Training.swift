import Atomistics
import Foundation
import LinearAlgebra
import ModelLibrary
import SOAPPotential

/// Returns frames for measurements of size and time only: structures displaced at random by up to 0.08 Å per
/// coordinate, labelled by our own potential. Never train a model for other uses on these frames.
func syntheticFrames(_ count: Int, from path: String) throws -> [Atoms] {
    guard
        let potential = try ModelLibrary(searchPath: ["models"]).load("thiolate-gold") as? SOAPPotential
    else { preconditionFailure("thiolate-gold is a SOAP potential") }
    let structures = try ExtXYZ.read(path: path)
    var random = SplitMix(seed: 2026)
    return try (0..<count).map { n in
        let structure = structures[n % structures.count]
        let positions = structure.positions.map { $0 + random.vector(in: -0.08...0.08) }
        var frame = Atoms(elements: structure.elements, positions: positions)
        let (energy, forces) = try potential.energyAndForces(frame)
        (frame.energy, frame.forces, frame.levelOfTheory) = (energy, forces, syntheticLevel)
        return frame
    }
}

let syntheticLevel = "benchmark only: labelled by a model, not by a calculation"

/// Times training with the default recipe's settings on 100 frames of each file, 20 of them held out.
func timeTrainingPotential(structures: String, rings: String) throws -> Measurement {
    let path = "models/thiolate-gold/recipe.yaml"
    let recipe = RecipeFile(Array(try Data(contentsOf: URL(fileURLWithPath: path))), file: path)
    guard case .soapPotential(let settings)? = recipe.recipe?.method else {
        throw ExitReason("\(path) is not a recipe for a SOAP potential")
    }
    let (cluster, ring) = (try syntheticFrames(100, from: structures), try syntheticFrames(100, from: rings))
    return try Measurement(once: {
        _ = try SOAPPotential.train(
            frames: Array(cluster.dropLast(10) + ring.dropLast(10)), settings: settings,
            validation: Array(cluster.suffix(10) + ring.suffix(10)))
    })
}

/// The reason why a benchmark cannot be run.
struct ExitReason: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

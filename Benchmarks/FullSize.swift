import Atomistics
import Descriptors
import Foundation
import LinearAlgebra
import ModelFile
import ModelLibrary
import ThiolateGold

/// Times the training of learning machines of the paper's size: 2000 frames of the cluster, and for each class up to
/// 5000 references for norms and 2500 for directions. The model serves only for timing.
func timeTrainingAtFullSize(structures: String, writeTo path: String) throws -> Measurement {
    let recipe = "models/thiolate-gold-oamlm/recipe.yaml"
    let file = RecipeFile(Array(try Data(contentsOf: URL(fileURLWithPath: recipe))), file: recipe)
    guard case .oamlm(var options)? = file.recipe?.method else {
        throw ExitReason("\(recipe) is not a recipe for learning machines")
    }
    // One method for directions, as in the paper.
    options.alternatives = []
    let frames = try syntheticFrames(2000, from: structures)
    let training = OAMLMTraining(name: "full-size", levelOfTheory: syntheticLevel, options: options)
    let start = ContinuousClock.now
    let progress = TrainingProgress { news in
        guard case .line(let line) = news else { return }
        let seconds = start.duration(to: .now) / .seconds(1)
        FileHandle.standardError.write(Data(String(format: "%6.0f s  %@\n", seconds, line).utf8))
    }
    return try Measurement(once: { try training.train(on: frames, writeTo: path, progress: progress) })
}

/// Times only the matrix products of a force call: distances to the references, and projections
/// from distances.
///
/// The notes have the number of floating-point operations per call.
func timeProducts(model: String, structure: String, _ repeats: Int) throws -> Measurement {
    guard let forceField = try ModelLibrary(searchPath: ["models"]).load(model) as? OAMLMForceField else {
        throw ExitReason("\(model) is not a model of learning machines")
    }
    let atoms = try ExtXYZ.read(path: structure)[0]
    let classes = try forceField.predict(atoms).classes
    let soap = forceField.options.environment.soap
    let radial = soap.nMax * (soap.species?.count ?? 0)
    let features = radial * (radial + 1) / 2 * (soap.lMax + 1)
    var (products, operations) = ([(Matrix, Matrix, Matrix, Matrix)](), 0.0)
    for summary in forceField.classes {
        let members = classes.count { $0 == summary.atomClass.rawValue }
        guard members > 0 else { continue }
        let (k, m) = (summary.normReferences, summary.directionReferences)
        let (x, q) = (filled(members, features), filled(k, features))
        products.append((x, q, filled(members, m), filled(m, m)))
        operations += 2 * Double(members) * (Double(k * features) + Double(m * m))
    }
    var measurement = Measurement(repeats: repeats) {
        for (x, q, d, b) in products {
            precondition(
                product(x, q, transposeB: true).columns == q.rows && product(d, b).columns == b.columns)
        }
    }
    measurement.notes = ["operations": operations]
    return measurement
}

private func filled(_ rows: Int, _ columns: Int) -> Matrix {
    var random = SplitMix(seed: 3)
    return Matrix(
        rows: rows, columns: columns,
        storage: (0..<rows * columns).map { _ in Double.random(in: 0...1, using: &random) })
}

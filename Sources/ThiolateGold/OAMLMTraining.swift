public import Atomistics
import Foundation
import LinearAlgebra
import MinimalLearning
import ModelFile

extension ModelTraining where Options == OAMLMOptions {
    /// Trains the class models on all atoms of the frames and writes the model file.
    ///
    /// The same frames and options give the same bytes.
    ///
    /// - Parameters:
    ///   - frames: molecules with forces and with the level of theory of this training.
    ///   - path: path of the model file.
    ///   - progress: reports the progress.
    /// - Returns: the model's version.
    /// - Throws: ``TrainingError``, and errors of the descriptor, the solvers and the file.
    @discardableResult
    public func train(
        on frames: [Atoms], writeTo path: String, progress: TrainingProgress = .untold
    ) throws -> String {
        var pools = try TrainingPool.sufficient(
            in: frames, levelOfTheory: levelOfTheory, options.environment, progress: progress.part(0...0.05))
        let most = max(options.normReferences, options.directionReferences)
        var parts = progress.part(0.05...1).parts(pools.map { $0.pool.cost(references: most) })
        var classes: [TrainedClass] = []
        // The pool of a class takes gigabytes if there are many frames, so it is released as soon as the class is
        // trained.
        while !pools.isEmpty {
            let (atomClass, pool) = pools.removeFirst()
            classes.append(
                try TrainedClass.train(atomClass, pool, options, progress: parts.removeFirst()))
        }
        return try write(
            classes, frames: frames.count, shortestDistances: try PairDistances(shortestIn: frames), to: path)
    }

    @discardableResult
    func write(
        _ classes: [TrainedClass], frames: Int, shortestDistances: PairDistances?, to path: String
    ) throws -> String {
        var options = options
        for c in classes { options.classes[c.atomClass] = c.chosen }
        let header = OAMLMHeader(
            levelOfTheory: levelOfTheory, options: options, frames: frames,
            shortestDistances: shortestDistances, provenance: provenance,
            classes: classes.map { c in
                OAMLMClassHeader(
                    atomClass: c.atomClass, environments: c.poolSize, stretched: c.stretched,
                    normSolver: c.norm.solver, normConstant: c.norm.constant,
                    calibration: c.calibration)
            })
        var writer = ModelFileWriter(kind: OAMLMForceField.kind, name: name, header: header)
        for c in classes {
            ReferenceSet.write(
                c.atomClass, scaling: c.scaling, descriptors: c.references,
                environments: c.environments, into: &writer)
            let prefix = c.atomClass.rawValue + "/"
            let k = c.directionReferences.count
            c.norm.write(prefix, into: &writer)
            writer.add(
                prefix + "direction-references", shape: [k], c.directionReferences.map(Int32.init))
            writer.add(prefix + "directions", shape: [k, 3], c.directions.flatMap { [$0.x, $0.y, $0.z] })
            writer.add(
                prefix + "projections", shape: [k, k], c.direction.projections.storage.map(Float.init))
            if let misfits = c.direction.misfits {
                writer.add(prefix + "misfits", shape: [k, k], misfits.storage.map(Float.init))
            }
        }
        return try writer.write(to: path)
    }
}

typealias OAMLMHeader = ClassModelHeader<OAMLMOptions, OAMLMClassHeader>

struct OAMLMClassHeader: Codable, Sendable {
    var atomClass: AtomClass
    var environments: Int
    var stretched: Int
    var normSolver: EMLM.Solver
    var normConstant: Double
    var calibration: ForceErrorFit
}

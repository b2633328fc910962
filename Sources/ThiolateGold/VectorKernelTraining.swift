public import Atomistics
import Foundation
import LinearAlgebra
import MinimalLearning
import ModelFile

extension ModelTraining where Options == VectorKernelOptions {
    /// Trains every class on the frames and writes the model file; the same frames and options give
    /// the same bytes.
    ///
    /// - Returns: the model's version.
    /// - Throws: ``TrainingError``, and errors of the descriptor, the solvers and the file.
    @discardableResult
    public func train(
        on frames: [Atoms], writeTo path: String, progress: TrainingProgress = .untold
    ) throws -> String {
        let learnt = try TrainingPool.sufficient(
            in: frames, levelOfTheory: levelOfTheory, options.environment, progress: progress.part(0...0.05))
        let costs = learnt.map { $0.pool.cost(references: options.references) }
        var classes: [VectorKernelClassHeader] = []
        var parts: [VectorKernelClass] = []
        for ((atomClass, pool), progress) in zip(learnt, progress.part(0.05...1).parts(costs)) {
            let part = try VectorKernelClass(atomClass, pool, options, progress: progress)
            classes.append(
                .init(
                    atomClass: atomClass, environments: pool.forces.count, kernel: part.fit.kernel,
                    calibration: part.calibration))
            parts.append(part)
        }
        let header = VectorKernelHeader(
            levelOfTheory: levelOfTheory, options: options, frames: frames.count,
            shortestDistances: try PairDistances(shortestIn: frames), provenance: provenance, classes: classes
        )
        var writer = ModelFileWriter(kind: VectorKernelForceField.kind, name: name, header: header)
        for part in parts {
            ReferenceSet.write(
                part.atomClass, scaling: part.scaling, descriptors: part.references,
                environments: part.environments, into: &writer)
            writer.add(
                part.atomClass.rawValue + "/coefficients", shape: [part.references.rows, 3],
                part.fit.coefficients.flatMap { [$0.x, $0.y, $0.z] })
        }
        return try writer.write(to: path)
    }
}

/// One class after training.
struct VectorKernelClass {
    let atomClass: AtomClass
    let scaling: MinMaxScaling
    let references: Matrix
    let environments: [Environment]
    let fit: VectorKernelFit
    let calibration: ForceErrorFit

    init(
        _ atomClass: AtomClass, _ pool: TrainingPool, _ options: VectorKernelOptions,
        progress: TrainingProgress
    ) throws {
        self.atomClass = atomClass
        let chosen = SelectedReferences(pool, count: options.references, options.environment)
        let selected = chosen.indices
        (scaling, references) = (chosen.scaling, chosen.descriptors)
        environments = selected.map { pool.environments[$0] }
        let forces = selected.map { pool.forces[$0] }
        let frames = selected.map { pool.frames[$0] }
        let surroundings = environments.map { $0.localFrames(atomClass) }
        let d = distances(among: references)
        progress("\(atomClass.rawValue): \(selected.count) of \(pool.forces.count) environments")

        let few = min(options.choiceReferences, selected.count)
        let (someForces, someFrames) = (Array(forces.prefix(few)), Array(frames.prefix(few)))
        var least: (error: Double, kernel: VectorKernel)?
        let median = Self.median(d)
        let trials = progress.part(0...0.6).parts(options.sigma2.map { _ in 1 })
        for (sigma2, trial) in zip(options.sigma2, trials) {
            let pairs = FramedPairs(
                Array(surroundings.prefix(few)), distances: d.leading(few), sigma: sigma2)
            let candidates = options.candidates(medianDistance: median, sigma2: sigma2)
            for (n, kernel) in candidates.enumerated() {
                trial.reached(n, of: candidates.count)
                guard let fit = try? VectorKernelFit(kernel, pairs, vectors: someForces),
                    let predicted = try? fit.withoutGroups(someFrames, vectors: someForces)
                else { continue }
                let error = zip(predicted, someForces).reduce(0) { $0 + ($1.0 - $1.1).squaredLength }
                if least.map({ error < $0.error }) ?? true { least = (error, kernel) }
            }
        }
        guard let kernel = least?.kernel else {
            throw TrainingError.noPositiveDefiniteKernel(atomClass.rawValue)
        }
        progress.reached(0.6)
        let pairs = FramedPairs(surroundings, distances: d, sigma: kernel.sigma2)
        let fit = try VectorKernelFit(kernel, pairs, vectors: forces)
        self.fit = fit
        progress.reached(0.8)
        let predicted = try fit.withoutGroups(frames, vectors: forces)
        let n = forces.count
        calibration = try ForceErrorFit(
            fitting: (0..<n).map { i in
                var (nearest, similarity) = (Double.infinity, 0.0)
                for j in 0..<n where frames[j] != frames[i] {
                    nearest = min(nearest, d[i, j])
                    similarity = max(similarity, kernel.shape(d[i, j], length: kernel.length))
                }
                return CrossValidation.Sample(
                    norm: predicted[i].length, residual: 1 - similarity, nearest: nearest,
                    error: predicted[i] - forces[i], reference: forces[i], predicted: predicted[i])
            })
        progress(
            "\(atomClass.rawValue): \(kernel.shape.rawValue), "
                + String(
                    format: "ℓ %.3g, σ₂ %.3g Å, λ %.2g", kernel.length, kernel.sigma2, kernel.noise)
                + "; held-out frames: "
                + String(
                    format: "force vector %.4f eV/Å, %.2f°", calibration.forceError,
                    calibration.weightedAngle))
    }

    private static func median(_ d: Matrix) -> Double {
        let values = (0..<d.rows).flatMap { i in (0..<i).map { d[i, $0] } }.sorted()
        return values.isEmpty ? 1 : max(values[values.count / 2], 1e-6)
    }
}

typealias VectorKernelHeader = ClassModelHeader<VectorKernelOptions, VectorKernelClassHeader>

struct VectorKernelClassHeader: Codable, Sendable {
    var atomClass: AtomClass
    var environments: Int
    var kernel: VectorKernel
    var calibration: ForceErrorFit
}

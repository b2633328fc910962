import Atomistics
import LinearAlgebra
import MinimalLearning

/// The two models of one class after training.
struct TrainedClass: Sendable {
    let atomClass: AtomClass
    let scaling: MinMaxScaling
    /// Scaled descriptors of the references, K×F, in maximin order.
    let references: Matrix
    /// The norm model, which uses the first `norm.count` references.
    let norm: TrainedNorm
    /// Indices in `references` of the references of the direction model.
    let directionReferences: [Int]
    /// Unit vectors along the forces at the references of the direction model.
    let directions: [SIMD3<Double>]
    let environments: [Environment]
    let direction: OAMLM
    let calibration: ForceErrorFit
    /// The method for directions: the method of the class, or the best alternative.
    let chosen: ClassOptions
    let poolSize: Int
    let stretched: Int

    /// - Parameters:
    ///   - pool: at least two environments.
    /// - Throws: `LinearAlgebraError` if the systems cannot be solved.
    static func train(
        _ atomClass: AtomClass, _ pool: TrainingPool, _ options: OAMLMOptions,
        progress: TrainingProgress
    ) throws -> TrainedClass {
        let chosen = SelectedReferences(
            pool, count: max(options.normReferences, options.directionReferences), options.environment)
        let (selected, references) = (chosen.indices, chosen.descriptors)
        let forces = selected.map { pool.forces[$0] }
        let frames = selected.map { pool.frames[$0] }
        let normCount = min(selected.count, options.normReferences)
        let d = distances(among: references)
        progress("\(atomClass.rawValue): \(selected.count) of \(pool.forces.count) environments")
        progress.reached(0.15)

        let normDistances = d.leading(normCount)
        let norms = forces.prefix(normCount).map(\.length)
        let norm = try TrainedNorm.fit(
            normDistances, norms, options.objective, ridge: options.ridge)

        let used = (0..<min(selected.count, options.directionReferences)).filter {
            forces[$0].length >= 1e-8
        }
        let directions = used.map { forces[$0] / forces[$0].length }
        let environments = used.map { pool.environments[selected[$0]] }
        let aligned = References(environments, atomClass, options.environment)
        let (projections, misfits) = pairwise(
            aligned, environments, directions, alignmentModel: options.alignmentModel,
            progress.part(0.3...0.5))
        let factor = try DistanceFactorisation(d.selecting(used))
        let direction = OAMLM.fit(factor, projections: projections, misfits: misfits)
        progress("\(atomClass.rawValue): directions from \(used.count) references")

        let choice = try CrossValidation(
            frames: used.map { frames[$0] }, forces: used.map { forces[$0] },
            distances: d.selecting(used), factor: factor, projections: projections,
            direction: direction, environments: environments, aligned: aligned,
            norms: Self.normsWithoutFrames(
                normDistances, norm, norms, Array(frames.prefix(normCount)), options.objective, used)
        ).choose(of: options.candidates(atomClass), directions, progress.part(0.6...1))
        for trial in choice.trials { progress("\(atomClass.rawValue): \(trial)") }
        progress("\(atomClass.rawValue): directions by \(choice.options.direction)")
        return TrainedClass(
            atomClass: atomClass, scaling: chosen.scaling, references: references, norm: norm,
            directionReferences: used, directions: directions, environments: environments,
            direction: direction, calibration: choice.calibration, chosen: choice.options,
            poolSize: pool.forces.count, stretched: pool.stretched)
    }

    /// Returns D_c of `OAMLM` between the references, i.e. the projection of each reference's direction onto the
    /// direction of every other reference after its alignment, and D_g, the misfits of the alignments, if
    /// `alignmentModel`.
    private static func pairwise(
        _ aligned: References, _ environments: [Environment], _ directions: [SIMD3<Double>],
        alignmentModel: Bool, _ progress: TrainingProgress
    ) -> (projections: Matrix, misfits: Matrix?) {
        let n = environments.count
        var projections = Matrix(rows: n, columns: n)
        var misfits = Matrix(rows: alignmentModel ? n : 0, columns: alignmentModel ? n : 0)
        projections.storage.withUnsafeMutableBufferPointer { c in
            misfits.storage.withUnsafeMutableBufferPointer { g in
                nonisolated(unsafe) let (c, g) = (c, g)
                progress.forEachChunk(of: n) { range in
                    var result = Alignments(count: n)
                    for i in range {
                        aligned.align(environments[i], into: &result)
                        let u = result.rotated(directions)
                        for j in 0..<n {
                            let skipped = !result.misfits[j].isFinite
                            c[i * n + j] = skipped ? 0 : directions[i].dot(u[j])
                            if alignmentModel { g[i * n + j] = skipped ? 0 : result.misfits[j] }
                        }
                        // A reference is mapped onto itself, even if the alignment found another one of several
                        // perfect fits.
                        c[i * n + i] = 1
                        if alignmentModel { g[i * n + i] = 0 }
                    }
                }
            }
        }
        return (projections, alignmentModel ? misfits : nil)
    }

    /// Returns the norm of each reference in `used`, predicted by a fit without the reference's frame.
    private static func normsWithoutFrames(
        _ d: Matrix, _ norm: TrainedNorm, _ targets: [Double], _ frames: [Int],
        _ objective: NormObjective, _ used: [Int]
    ) throws -> [Double?] {
        let all = try norm.withoutFrames(d, targets, frames, objective)
        return used.map { $0 < all.count ? all[$0] : nil }
    }
}

extension TrainingProgress {
    /// Runs 0..<count on all processors like ``LinearAlgebra/forEachChunk(of:minimum:_:)``, with
    /// progress reports in between.
    func forEachChunk(of count: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let block = max(256, count / 64)
        for start in stride(from: 0, to: count, by: block) {
            LinearAlgebra.forEachChunk(of: min(block, count - start)) { range in
                body(start + range.lowerBound..<start + range.upperBound)
            }
            reached(min(count, start + block), of: count)
        }
    }
}

extension Matrix {
    /// Returns the leading n×n block.
    func leading(_ n: Int) -> Matrix {
        n == rows ? self : selecting(Array(0..<n))
    }

    /// Returns the rows and columns at `indices`.
    func selecting(_ indices: [Int]) -> Matrix {
        if indices.count == rows { return self }
        var result = Matrix(rows: indices.count, columns: indices.count)
        for (i, p) in indices.enumerated() {
            for (j, q) in indices.enumerated() { result[i, j] = self[p, q] }
        }
        return result
    }
}

import Atomistics
import Foundation
import LinearAlgebra
import MinimalLearning

/// The predictions of a class model for each of its own references by a fit without that reference's frame. They give
/// an error estimate without a test set, which is valid as far as frames are independent.
struct CrossValidation {
    let frames: [Int]
    let forces: [SIMD3<Double>]
    let distances: Matrix
    let factor: DistanceFactorisation
    /// D_c of `OAMLM`: the projections of the references' directions onto each other after alignment.
    let projections: Matrix
    let direction: OAMLM
    let environments: [Environment]
    let aligned: References
    /// The norm of each reference, predicted by a fit without its frame; nil if it is not known.
    let norms: [Double?]

    /// Returns the candidate whose cross-validated force vectors have the smallest error, with its calibration; in
    /// case of a tie, the first one.
    ///
    /// - Parameters:
    ///   - candidates: at least one.
    ///   - progress: reports the progress.
    /// - Complexity: 2K³ for the inverse, K² alignments, K² for each candidate.
    func choose(
        of candidates: [ClassOptions], _ directions: [SIMD3<Double>], _ progress: TrainingProgress
    ) throws -> (options: ClassOptions, calibration: ForceErrorFit, trials: [Trial]) {
        precondition(!candidates.isEmpty, "at least one candidate")
        let samples = try samples(directions, candidates, progress)
        var best = (options: candidates[0], calibration: ForceErrorFit.unknown)
        var trials: [Trial] = []
        for (candidate, samples) in zip(candidates, samples) {
            let calibration = try ForceErrorFit(fitting: samples)
            guard calibration.samples > 0 else { break }
            trials.append(
                Trial(
                    options: candidate, forceError: calibration.forceError,
                    weightedAngle: calibration.weightedAngle))
            if best.calibration.samples == 0 || calibration.forceError < best.calibration.forceError {
                best = (candidate, calibration)
            }
        }
        return (best.options, best.calibration, trials)
    }

    /// Returns, for each candidate, the predictions for the references whose ``norms`` are known.
    private func samples(
        _ directions: [SIMD3<Double>], _ candidates: [ClassOptions], _ progress: TrainingProgress
    ) throws -> [[Sample]] {
        let (n, count) = (forces.count, candidates.count)
        let residuals = try projectionResiduals()
        var samples = [Sample?](repeating: nil, count: n * count)
        samples.withUnsafeMutableBufferPointer { samples in
            nonisolated(unsafe) let samples = samples
            progress.part(0.2...1).forEachChunk(of: n) { range in
                var result = Alignments(count: n)
                for i in range {
                    guard let norm = norms[i] else { continue }
                    aligned.align(environments[i], into: &result)
                    var nearest = Double.infinity
                    var g = result.misfits
                    for j in 0..<n {
                        if frames[j] == frames[i] {
                            g[j] = .infinity
                        } else {
                            nearest = min(nearest, distances[i, j])
                        }
                    }
                    let d = (0..<n).map { projections[i, $0] - residuals[i, $0] }
                    let vectors = result.rotated(directions)
                    var problem: (sigma2: Double, problem: DirectionProblem)?
                    for (c, candidate) in candidates.enumerated() {
                        if problem?.sigma2 != candidate.sigma2 {
                            problem = (
                                candidate.sigma2,
                                DirectionProblem(
                                    vectors: vectors, projections: d,
                                    weights: alignmentWeights(g, sigma2: candidate.sigma2))
                            )
                        }
                        guard let problem = problem?.problem else { continue }
                        let v = problem.solve(candidate.direction)
                        let predicted = max(0, norm) * v
                        let uncertainty = DirectionUncertainty(
                            problem, direction: v, nearest: nearest, misfits: [],
                            predictedMisfits: nil, sigma2: candidate.sigma2)
                        samples[c * n + i] = Sample(
                            norm: norm, residual: uncertainty.residual, nearest: nearest,
                            error: predicted - forces[i], reference: forces[i], predicted: predicted)
                    }
                }
            }
        }
        return (0..<count).map { samples[$0 * n..<($0 + 1) * n].compactMap { $0 } }
    }

    /// Returns the residuals D_c − d_c, where row i of d_c is predicted by a fit without the frame of reference i.
    private func projectionResiduals() throws -> Matrix {
        let n = forces.count
        let inverse = factor.inverse()
        var residuals = Matrix(rows: n, columns: n)
        for group in Dictionary(grouping: frames.indices, by: { frames[$0] }).values {
            let rows = try leaveGroupOutResiduals(
                inverse: inverse, weights: direction.projections, group: group)
            for (k, i) in group.enumerated() {
                residuals.storage.replaceSubrange(i * n..<(i + 1) * n, with: rows.row(k))
            }
        }
        return residuals
    }

    /// The accuracy of one method for directions.
    struct Trial: Sendable, Equatable, CustomStringConvertible {
        var options: ClassOptions
        /// Root mean square error of the force vector, eV/Å.
        var forceError: Double
        /// Mean angle with weights |F|², degrees.
        var weightedAngle: Double

        var description: String {
            "\(options.direction), σ₂ \(options.sigma2) Å, held-out frames: force vector "
                + String(format: "%.4f eV/Å, %.2f°", forceError, weightedAngle)
        }
    }

    struct Sample: Sendable {
        let norm: Double
        let residual: Double
        let nearest: Double
        let error: SIMD3<Double>
        let reference: SIMD3<Double>
        let predicted: SIMD3<Double>
    }
}

/// The expected error of a class's force vectors, eV/Å, from quantities known at prediction:
///
///     û = c₀ + c₁ u₄ + c₂ |f| + c₃ |f| √u₃,      c ≥ 0
///
/// with u₄ the distance to the nearest reference, f the predicted norm, u₃ the misfit of the
/// projections. The coefficients are a least-squares fit to the errors of ``CrossValidation``.
struct ForceErrorFit: Sendable, Equatable, Codable {
    var coefficients: [Double]
    /// Distance to the nearest reference beyond which an atom is out of domain.
    var farthest: Double
    /// Number of references in the cross-validation.
    var samples: Int
    /// Root mean square error of the force vector and of its norm, eV/Å.
    var forceError: Double
    var normError: Double
    /// Mean angle with weights |F|², degrees.
    var weightedAngle: Double

    /// The result without cross-validation: there are no expected errors, and no atom is out of domain.
    static let unknown = ForceErrorFit(
        coefficients: [], farthest: .greatestFiniteMagnitude, samples: 0, forceError: 0, normError: 0,
        weightedAngle: 0)

    func expectedError(norm: Double, residual: Double, nearest: Double) -> Double? {
        guard coefficients.count == 4 else { return nil }
        let f = abs(norm)
        return coefficients[0] + coefficients[1] * nearest + coefficients[2] * f
            + coefficients[3] * f * residual.squareRoot()
    }
}

extension ForceErrorFit {
    /// An atom is out of domain if the nearest reference is farther than this multiple of the 99th percentile of the
    /// distances between a reference and the nearest reference from another frame.
    private static let reach = 1.5

    /// Fits to the samples for which there are references from other frames; otherwise a fit without the sample's frame
    /// predicts nothing. With fewer than ten such samples, the result is ``unknown``.
    init(fitting all: [CrossValidation.Sample]) throws {
        let samples = all.filter(\.nearest.isFinite)
        guard samples.count >= 10 else {
            self = .unknown
            return
        }
        let features = samples.map { s in
            [1, s.nearest, abs(s.norm), abs(s.norm) * s.residual.squareRoot()]
        }
        let errors = samples.map(\.error.length)
        coefficients = try nonNegativeFit(features, errors)
        let sorted = samples.map(\.nearest).sorted()
        farthest = Self.reach * sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
        self.samples = samples.count
        let n = Double(samples.count)
        forceError = (errors.reduce(0) { $0 + $1 * $1 } / n).squareRoot()
        normError =
            (samples.reduce(0) { sum, s in
                let e = s.norm - s.reference.length
                return sum + e * e
            } / n).squareRoot()
        let weights = samples.reduce(0) { $0 + $1.reference.squaredLength }
        weightedAngle =
            samples.reduce(0) { $0 + $1.reference.squaredLength * $1.predicted.angle(to: $1.reference) }
            / max(weights, .leastNormalMagnitude)
    }
}

/// Returns argmin ‖X c − y‖₂ with c ≥ 0, by trying every set of columns.
private func nonNegativeFit(_ x: [[Double]], _ y: [Double]) throws -> [Double] {
    let columns = x[0].count
    var best = (loss: Double.infinity, c: [Double](repeating: 0, count: columns))
    for set in 1..<(1 << columns) {
        let active = (0..<columns).filter { set >> $0 & 1 == 1 }
        let matrix = Matrix(x.map { row in active.map { row[$0] } })
        let right = Matrix(rows: y.count, columns: 1, storage: y)
        let solution = try leastSquares(matrix, right).solution
        guard solution.storage.allSatisfy({ $0 >= 0 }) else { continue }
        let fitted = product(matrix, solution).storage
        let loss = zip(fitted, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        if loss < best.loss {
            best.loss = loss
            best.c = [Double](repeating: 0, count: columns)
            for (k, value) in zip(active, solution.storage) { best.c[k] = value }
        }
    }
    return best.c
}

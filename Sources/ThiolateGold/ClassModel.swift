import Atomistics
import LinearAlgebra
import MinimalLearning
import ModelFile

/// The models of one class, read from a model file.
struct ClassModel: Sendable {
    let header: OAMLMClassHeader
    private let references: ReferenceSet
    private let aligned: References
    private let norm: NormMachine
    private let directionIndices: [Int]
    private let directions: [SIMD3<Double>]
    private let projections: SingleMatrix
    private let misfits: SingleMatrix?

    var normReferences: Int { norm.count }
    var directionReferences: Int { directionIndices.count }

    /// - Throws: ``ModelFileError``.
    init(
        _ file: ModelFile, _ header: OAMLMClassHeader, _ options: OAMLMOptions, features: Int
    ) throws(ModelFileError) {
        let prefix = header.atomClass.rawValue + "/"
        self.header = header
        references = try ReferenceSet(
            file, header.atomClass, options.environment, features: features)
        aligned = references.aligned
        let count = references.count
        norm = try NormMachine(file, header, options.objective)
        let used = try file.int32(prefix + "direction-references").array.map(Int.init)
        guard norm.count <= count, used.count == references.alignedCount,
            used.allSatisfy({ (0..<count).contains($0) })
        else { throw .damaged(path: file.path, what: "\(prefix)direction-references") }
        directionIndices = used
        let flat = try file.float64(prefix + "directions", shape: [used.count, 3]).array
        directions = used.indices.map { [flat[3 * $0], flat[3 * $0 + 1], flat[3 * $0 + 2]] }
        projections = try SingleMatrix(
            file, prefix + "projections", rows: used.count, columns: used.count)
        misfits =
            options.alignmentModel
            ? try SingleMatrix(file, prefix + "misfits", rows: used.count, columns: used.count) : nil
    }

    /// Predicts the forces on some atoms of this class.
    ///
    /// - Parameters:
    ///   - x: one descriptor per row, not scaled.
    ///   - environments: the environment of the atom of each row of `x`.
    func predict(
        _ x: Matrix, _ environments: [Environment], _ options: OAMLMOptions, _ own: ClassOptions
    ) -> [AtomPrediction] {
        let d = references.distances(of: x)
        let norms = norm.predict(d.leadingColumns(norm.count))
        let near = d.selectingColumns(directionIndices)
        let c = product(near, projections)
        let g = misfits.map { product(near, $0) }
        let k = directions.count
        var result = [AtomPrediction](repeating: AtomPrediction(), count: x.rows)
        result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            forEachChunk(of: x.rows) { range in
                var alignments = Alignments(count: k)
                for i in range {
                    aligned.align(environments[i], into: &alignments)
                    var projections = Array(c.row(i))
                    if options.clipProjections {
                        for j in projections.indices { projections[j] = max(-1, min(1, projections[j])) }
                    }
                    let problem = DirectionProblem(
                        vectors: alignments.rotated(directions), projections: projections,
                        weights: alignmentWeights(alignments.misfits, sigma2: own.sigma2))
                    let v = problem.solve(own.direction)
                    let uncertainty = DirectionUncertainty(
                        problem, direction: v, nearest: d.row(i).reduce(.infinity) { Swift.min($0, $1) },
                        misfits: alignments.misfits,
                        predictedMisfits: g.map { Array($0.row(i)) }, sigma2: own.sigma2)
                    result[i] = AtomPrediction(
                        norm: norms[i], direction: v, uncertainty: uncertainty,
                        expectedError: header.calibration.expectedError(
                            norm: norms[i], residual: uncertainty.residual,
                            nearest: uncertainty.nearest),
                        outOfDomain: uncertainty.nearest > header.calibration.farthest,
                        lowRank: alignments.lowRank.allSatisfy { $0 })
                }
            }
        }
        return result
    }
}

/// The prediction for one atom by the models of its class.
struct AtomPrediction: Sendable {
    /// The norm from the norm model, eV/Å; may be negative.
    var norm = 0.0
    /// A direction of length one, or zero if no reference could be aligned.
    var direction = SIMD3<Double>.zero
    var uncertainty: DirectionUncertainty?
    /// Expected error of the force vector, eV/Å.
    var expectedError: Double?
    var outOfDomain = false
    /// Whether the alignments with all references left a rotation undetermined.
    var lowRank = false

    /// Returns the force, eV/Å; if `clamped`, a negative norm counts as zero.
    func force(clamped: Bool) -> SIMD3<Double> { (clamped ? max(0, norm) : norm) * direction }
}

extension Matrix {
    fileprivate func leadingColumns(_ n: Int) -> Matrix {
        n == columns ? self : selectingColumns(Array(0..<n))
    }

    /// Returns the columns with these indices, which must be ascending.
    fileprivate func selectingColumns(_ indices: [Int]) -> Matrix {
        if indices.count == columns { return self }
        var result = Matrix(rows: rows, columns: indices.count)
        for i in 0..<rows {
            for (k, j) in indices.enumerated() { result[i, k] = self[i, j] }
        }
        return result
    }
}

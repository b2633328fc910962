import LinearAlgebra
import MinimalLearning
import ModelFile

/// The method that computes the norm of the force from distances to references.
public enum NormObjective: String, Sendable, Codable, CaseIterable {
    /// An EMLM with the minimiser of the paper's eq. 6.
    case exact
    /// An EMLM with the paper's eq. 8 as printed.
    case paperEq8 = "paper-eq8"
    /// An EMLM with a constant in addition to the distances.
    case biasAugmented = "bias-augmented"
    /// An MLM: predicts distances between norms and computes the norm from them.
    case multilateration

    /// The EMLM's objective; nil for the MLM.
    var emlm: EMLM.Objective? { EMLM.Objective(rawValue: rawValue) }
}

/// A trained model for norms.
enum TrainedNorm: Sendable {
    case emlm(EMLM)
    case mlm(MLM)

    var count: Int {
        switch self {
        case .emlm(let machine): machine.weights.count
        case .mlm(let machine): machine.targets.count
        }
    }

    /// The solver that found the weights.
    var solver: EMLM.Solver {
        switch self {
        case .emlm(let machine): machine.solver
        case .mlm: .direct
        }
    }

    /// Constant that is added to the weighted sum of distances; 0 for an MLM.
    var constant: Double {
        switch self {
        case .emlm(let machine): machine.constant
        case .mlm: 0
        }
    }

    /// - Parameters:
    ///   - d: distances between the references.
    ///   - y: norms of the forces at the references, eV/Å.
    static func fit(
        _ d: Matrix, _ y: [Double], _ objective: NormObjective, ridge: Double
    ) throws(LinearAlgebraError) -> TrainedNorm {
        guard let emlm = objective.emlm else {
            return .mlm(try MLM.fit(distances: d, targets: y, references: Array(y.indices)))
        }
        return .emlm(try EMLM.fit(distances: d, targets: y, objective: emlm, ridge: ridge))
    }

    /// Returns the predictions for each reference by a fit without the reference's frame; nil if the closed form does
    /// not apply.
    ///
    /// - Complexity: 2K³, and K² for each frame of the MLM.
    func withoutFrames(
        _ d: Matrix, _ y: [Double], _ frames: [Int], _ objective: NormObjective
    ) throws(LinearAlgebraError) -> [Double?] {
        var result = [Double?](repeating: nil, count: y.count)
        guard d.rows >= 2 else { return result }
        let weights: Matrix
        switch self {
        case .emlm(let machine):
            guard machine.solver == .direct else { return result }
            weights = Matrix(rows: y.count, columns: 1, storage: machine.weights)
        case .mlm(let machine): weights = machine.coefficients
        }
        let inverse = try DistanceFactorisation(d).inverse(withConstant: objective == .biasAugmented)
        for group in Dictionary(grouping: frames.indices, by: { frames[$0] }).values {
            let residuals = try leaveGroupOutResiduals(
                inverse: inverse, weights: weights, group: group)
            let left = Set(group)
            let kept = y.indices.filter { !left.contains($0) }
            for (k, i) in group.enumerated() {
                switch self {
                case .emlm: result[i] = y[i] - residuals[k, 0]
                case .mlm:
                    guard !kept.isEmpty else { continue }
                    result[i] = multilaterate(
                        kept.map { y[$0] },
                        distances: kept.map { abs(y[i] - y[$0]) - residuals[k, $0] })
                }
            }
        }
        return result
    }

    /// Returns norms, eV/Å, for every row of distances to the references.
    func predict(_ d: Matrix) -> [Double] {
        switch self {
        case .emlm(let machine): machine.predict(distances: d)
        case .mlm(let machine): machine.predict(distances: d)
        }
    }

    func write(_ prefix: String, into writer: inout ModelFileWriter<some Codable & Sendable>) {
        switch self {
        case .emlm(let machine):
            writer.add(prefix + "norm-weights", shape: [count], machine.weights)
        case .mlm(let machine):
            writer.add(prefix + "norm-targets", shape: [count], machine.targets)
            writer.add(
                prefix + "norm-coefficients", shape: [count, count], machine.coefficients.storage)
        }
    }
}

/// A model for norms, read from a model file.
enum NormMachine: Sendable {
    case emlm(EMLM)
    case mlm(coefficients: Tensor<Double>, targets: [Double])

    var count: Int {
        switch self {
        case .emlm(let machine): machine.weights.count
        case .mlm(_, let targets): targets.count
        }
    }

    /// - Throws: ``ModelFileError``.
    init(
        _ file: ModelFile, _ header: OAMLMClassHeader, _ objective: NormObjective
    ) throws(ModelFileError) {
        let prefix = header.atomClass.rawValue + "/"
        guard objective == .multilateration else {
            self = .emlm(
                EMLM(
                    weights: try file.float64(prefix + "norm-weights", shape: [nil]).array,
                    constant: header.normConstant, solver: header.normSolver))
            return
        }
        let targets = try file.float64(prefix + "norm-targets", shape: [nil]).array
        guard !targets.isEmpty else {
            throw .damaged(path: file.path, what: "\(prefix)norm-targets")
        }
        self = .mlm(
            coefficients: try file.float64(
                prefix + "norm-coefficients", shape: [targets.count, targets.count]),
            targets: targets)
    }

    /// Returns norms, eV/Å, for every row of distances to the first `count` references.
    func predict(_ d: Matrix) -> [Double] {
        switch self {
        case .emlm(let machine): return machine.predict(distances: d)
        case .mlm(let coefficients, let targets):
            let delta = product(d, coefficients)
            return (0..<d.rows).map { multilaterate(targets, distances: Array(delta.row($0))) }
        }
    }
}

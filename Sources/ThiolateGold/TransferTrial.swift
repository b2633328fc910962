public import Atomistics
import LinearAlgebra
import MinimalLearning
import ModelFile

/// Labelled frames with the class, descriptor and neighbours of every atom.
public struct DescribedFrames: Sendable {
    let pools: [AtomClass: TrainingPool]
    let count: Int

    /// - Throws: ``TrainingError``, and errors of the descriptor.
    public init(_ frames: [Atoms], _ options: EnvironmentOptions) throws {
        pools = try TrainingPool.collect(frames, options, progress: .untold)
        count = frames.count
    }
}

/// A trial of learning machines that are trained on some frames and tested on others, with one descriptor. Each class
/// is tried by itself, so a structure need not have all classes.
public struct TransferTrial: Sendable {
    public var options: OAMLMOptions
    /// Whether directions are learnt, too; norms alone take much less time.
    public var directions: Bool

    public init(_ options: OAMLMOptions, directions: Bool) {
        self.options = options
        self.directions = directions
    }

    public struct Score: Sendable, Equatable, Codable {
        public var references: Int
        /// Number of predicted atoms.
        public var atoms: Int
        /// Root mean square error of ‖F‖, eV/Å.
        public var normError: Double
        /// Root mean square length of the error vector, eV/Å; nil if directions were not learnt.
        public var forceError: Double?
        /// Average angle with weights |F|², and its median, degrees; nil if directions were not learnt.
        public var weightedAngle: Double?
        public var medianAngle: Double?

        enum CodingKeys: String, CodingKey {
            case references, atoms
            case normError = "norm_error"
            case forceError = "force_error"
            case weightedAngle = "weighted_angle"
            case medianAngle = "median_angle"
        }
    }

    /// - Parameters:
    ///   - atomClass: the class of the atoms in training and test.
    ///   - training: frames for training.
    ///   - testing: frames for the test.
    ///   - scratch: path for a temporary model file, which is used only if ``directions`` is true.
    /// - Returns: nil if the class has too few environments in training or no atoms in the test.
    /// - Throws: errors of the solvers and of the file.
    public func run(
        _ atomClass: AtomClass, from training: DescribedFrames, to testing: DescribedFrames,
        scratch: String
    ) throws -> Score? {
        guard let pool = training.pools[atomClass], let test = testing.pools[atomClass],
            pool.forces.count >= options.environment.fewestEnvironments
        else { return nil }
        guard directions else { return try norms(pool, test) }
        let trained = try TrainedClass.train(atomClass, pool, options, progress: .untold)
        try OAMLMTraining(name: "trial", levelOfTheory: "", options: options).write(
            [trained], frames: training.count, shortestDistances: nil, to: scratch)
        let file = try ModelFile(contentsOf: scratch)
        let header = try file.header(as: OAMLMHeader.self)
        let model = try ClassModel(
            file, header.classes[0], header.options, features: pool.descriptors.columns)
        let predicted = model.predict(
            test.descriptors, test.environments, header.options, header.options[atomClass])
        return Score(
            references: trained.directionReferences.count, norms: predicted.map(\.norm),
            forces: predicted.map { $0.force(clamped: options.clampNorm) }, test.forces)
    }

    private func norms(_ pool: TrainingPool, _ test: TrainingPool) throws -> Score {
        let references = SelectedReferences(
            pool, count: options.normReferences, options.environment)
        let machine = try TrainedNorm.fit(
            distances(among: references.descriptors),
            references.indices.map { pool.forces[$0].length }, options.objective,
            ridge: options.ridge)
        let norms = machine.predict(
            distances(references.scaling(test.descriptors), to: references.descriptors))
        return Score(
            references: references.indices.count, norms: norms, forces: nil, test.forces)
    }
}

extension TransferTrial.Score {
    fileprivate init(
        references: Int, norms: [Double], forces: [SIMD3<Double>]?, _ truth: [SIMD3<Double>]
    ) {
        self.references = references
        atoms = truth.count
        func rootMeanSquare(_ errors: [Double]) -> Double {
            (errors.reduce(0) { $0 + $1 * $1 } / Double(max(1, errors.count))).squareRoot()
        }
        normError = rootMeanSquare(zip(norms, truth).map { $0 - $1.length })
        guard let forces else { return }
        forceError = rootMeanSquare(zip(forces, truth).map { ($0 - $1).length })
        let angles = zip(forces, truth).map { $0.angle(to: $1) }
        let weights = truth.map(\.squaredLength)
        weightedAngle =
            zip(weights, angles).reduce(0) { $0 + $1.0 * $1.1 }
            / max(weights.reduce(0, +), .leastNormalMagnitude)
        let sorted = angles.sorted()
        medianAngle = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

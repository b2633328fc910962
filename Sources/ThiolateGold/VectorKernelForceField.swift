public import Atomistics
import Descriptors
import LinearAlgebra
public import MinimalLearning
public import ModelFile

/// A force field with one vector-valued kernel per class of atom:
///
///     F(x) = Σ_j k(|x − x_j|) M_j a_j
///
/// with the classes, descriptors x and neighbours of ``OAMLMForceField``. k is a radial kernel, a_j a vector of
/// coefficients of reference j, and M_j the orientation of the neighbours relative to the neighbours of reference j
/// (`VectorKernelFit`). Norm and direction are predicted together; there is no energy.
public struct VectorKernelForceField: ForceField {
    public static let kind = "vector-kernel"

    public let provenance: ForceFieldProvenance
    public var hasEnergy: Bool { false }
    public var options: VectorKernelOptions { header.options }
    private let header: VectorKernelHeader
    private let soap: SOAP
    private let models: [AtomClass: Model]

    fileprivate struct Model: Sendable {
        let header: VectorKernelClassHeader
        let references: ReferenceSet
        let frames: [LocalFrames]
        /// The coefficients a_j (`VectorKernelFit`), each divided by the norm of the local frames of reference j.
        let coefficients: [SIMD3<Double>]

        init(
            _ header: VectorKernelClassHeader, _ references: ReferenceSet, _ coefficients: [SIMD3<Double>]
        ) {
            self.header = header
            self.references = references
            let frames = references.environments.map { $0.localFrames(header.atomClass) }
            self.frames = frames
            self.coefficients = coefficients.indices.map {
                let norm = frames[$0].norm(sigma: header.kernel.sigma2)
                return norm > 0 ? coefficients[$0] / norm : .zero
            }
        }
    }

    /// - Throws: `ModelFileError`, and errors of the descriptor.
    public init(_ file: ModelFile) throws {
        (header, provenance) = try VectorKernelHeader.read(from: file, kind: Self.kind)
        soap = try header.options.environment.soap.soap()
        var models: [AtomClass: Model] = [:]
        for entry in header.classes {
            let references = try ReferenceSet(
                file, entry.atomClass, header.options.environment, features: soap.featureCount)
            let name = entry.atomClass.rawValue + "/coefficients"
            let a = try file.float64(name, shape: [references.alignedCount, 3]).array
            guard references.alignedCount == references.count else {
                throw ModelFileError.damaged(path: file.path, what: name)
            }
            models[entry.atomClass] = Model(
                entry, references,
                (0..<references.count).map { [a[3 * $0], a[3 * $0 + 1], a[3 * $0 + 2]] })
        }
        self.models = models
    }

    /// The training data of one class and its cross-validated accuracy.
    public struct ClassSummary: Sendable, Equatable, Codable {
        public var atomClass: AtomClass
        /// Number of environments in the training frames.
        public var environments: Int
        public var references: Int
        public var kernel: VectorKernel
        /// Root mean square error of the force vector on held-out frames, eV/Å.
        public var forceError: Double
        /// Mean angle with weights |F|² on held-out frames, degrees.
        public var weightedAngle: Double
    }

    public var classes: [ClassSummary] {
        header.classes.map { entry in
            ClassSummary(
                atomClass: entry.atomClass, environments: entry.environments,
                references: models[entry.atomClass]?.references.count ?? 0, kernel: entry.kernel,
                forceError: entry.calibration.forceError,
                weightedAngle: entry.calibration.weightedAngle)
        }
    }

    /// The source of the training frames, as text for users.
    public var data: [String: String] { header.provenance }

    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        try predict(atoms, following: nil)
    }

    public func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction {
        let found = try Surroundings(
            of: atoms, soap, options.environment, known: Set(models.keys),
            shortest: header.shortestDistances, following: previous)
        var forces = [SIMD3<Double>](repeating: .zero, count: atoms.count)
        var expected = [Double?](repeating: nil, count: atoms.count)
        var outOfDomain = found.tooClose
        var nearest = [Double](repeating: .nan, count: atoms.count)
        var similarity = nearest
        var lowRank = 0
        for (atomClass, members) in found.members {
            guard let model = models[atomClass] else { continue }
            let results = model.predict(
                found.descriptors.selectingRows(members), members.map { found.environments[$0] })
            for (i, result) in zip(members, results) {
                forces[i] = result.force
                expected[i] = result.expected
                outOfDomain[i] = outOfDomain[i] || result.outOfDomain
                (nearest[i], similarity[i]) = (result.nearest, result.similarity)
                if result.lowRank { lowRank += 1 }
            }
        }
        let known = expected.compactMap { $0 }
        var prediction = ForcePrediction(
            forces: forces, uncertainty: known.count == atoms.count ? known : nil,
            classes: (0..<atoms.count).map(found.classes.name), outOfDomain: outOfDomain,
            warnings: found.warnings(
                outOfDomain: outOfDomain.count { $0 },
                directionless: forces.count { $0 == .zero }, lowRank: lowRank))
        prediction.indicators = ["u4-nearest": nearest, "similarity": similarity]
        return prediction
    }
}

extension VectorKernelForceField.Model {
    struct Result {
        var force = SIMD3<Double>.zero
        var expected: Double?
        var outOfDomain = false
        var lowRank = false
        /// Distance to the nearest reference.
        var nearest = 0.0
        /// The largest kernel value with any reference.
        var similarity = 0.0
    }

    func predict(_ x: Matrix, _ environments: [Environment]) -> [Result] {
        let d = references.distances(of: x)
        let kernel = header.kernel
        var results = [Result](repeating: Result(), count: x.rows)
        results.withUnsafeMutableBufferPointer { results in
            nonisolated(unsafe) let results = results
            forEachChunk(of: x.rows) { range in
                for i in range {
                    let own = environments[i].localFrames(header.atomClass)
                    let norm = own.norm(sigma: kernel.sigma2)
                    var force = SIMD3<Double>.zero
                    var (nearest, similarity) = (Double.infinity, 0.0)
                    for j in coefficients.indices {
                        let k = kernel.shape(d[i, j], length: kernel.length)
                        nearest = min(nearest, d[i, j])
                        similarity = max(similarity, k)
                        guard norm > 0, k > 1e-12 else { continue }
                        let m = own.overlap(frames[j], sigma: kernel.sigma2)
                        let (a, scale) = (coefficients[j], k / norm)
                        force.x += scale * (m[0] * a.x + m[1] * a.y + m[2] * a.z)
                        force.y += scale * (m[3] * a.x + m[4] * a.y + m[5] * a.z)
                        force.z += scale * (m[6] * a.x + m[7] * a.y + m[8] * a.z)
                    }
                    results[i] = Result(
                        force: force,
                        expected: header.calibration.expectedError(
                            norm: force.length, residual: max(0, 1 - similarity), nearest: nearest),
                        outOfDomain: nearest > header.calibration.farthest,
                        lowRank: own.count == 0, nearest: nearest,
                        similarity: similarity)
                }
            }
        }
        return results
    }
}

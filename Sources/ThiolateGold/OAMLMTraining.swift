public import Atomistics
import Foundation
import LinearAlgebra
import MinimalLearning
import ModelFile

/// What training a model takes: frames with forces, and the options.
public struct OAMLMTraining: Sendable {
    /// The name that the model is called by.
    public var name: String
    /// Of every frame, verbatim.
    public var levelOfTheory: String
    public var options: OAMLMOptions
    /// Where the frames come from, for people.
    public var provenance: [String: String]

    public init(
        name: String, levelOfTheory: String, options: OAMLMOptions = OAMLMOptions(),
        provenance: [String: String] = [:]
    ) {
        self.name = name
        self.levelOfTheory = levelOfTheory
        self.options = options
        self.provenance = provenance
    }

    /// Learns the class models from all atoms of the frames and writes the model file.
    ///
    /// The same frames and options give the same bytes.
    ///
    /// - Parameters:
    ///   - frames: with `forces`, and `level_of_theory` in their info where it is known.
    ///   - progress: what a person may want to read, a line each.
    /// - Returns: the model's version.
    /// - Throws: ``TrainingError``, and errors of the descriptor, the solvers and the file.
    @discardableResult
    public func train(
        on frames: [Atoms], writeTo path: String, progress: (String) -> Void = { _ in }
    ) throws -> String {
        for (f, frame) in frames.enumerated() {
            guard frame.levelOfTheory == levelOfTheory else {
                throw TrainingError.levelOfTheory(
                    frame: f, found: frame.levelOfTheory, expected: levelOfTheory)
            }
        }
        let pools = try TrainingPool.collect(frames, options, progress: progress)
        var classes: [TrainedClass] = []
        for atomClass in AtomClass.allCases {
            guard let pool = pools[atomClass], pool.forces.count >= options.fewestEnvironments else {
                let count = pools[atomClass]?.forces.count ?? 0
                progress("\(atomClass.rawValue): \(count) environments are too few, no model")
                continue
            }
            classes.append(try TrainedClass.train(atomClass, pool, options, progress: progress))
        }
        guard !classes.isEmpty else {
            throw TrainingError.tooFewEnvironments(
                Dictionary(uniqueKeysWithValues: pools.map { ($0.key.rawValue, $0.value.forces.count) }),
                needed: options.fewestEnvironments)
        }
        return try write(classes, frames: frames.count, to: path)
    }

    private func write(_ classes: [TrainedClass], frames: Int, to path: String) throws -> String {
        let header = OAMLMHeader(
            levelOfTheory: levelOfTheory, options: options, frames: frames, provenance: provenance,
            classes: classes.map { c in
                OAMLMHeader.Class(
                    atomClass: c.atomClass, environments: c.poolSize, stretched: c.stretched,
                    normSolver: c.norm.solver, normConstant: c.norm.constant,
                    calibration: c.calibration)
            })
        var writer = ModelFileWriter(kind: OAMLMForceField.kind, name: name, header: header)
        for c in classes {
            let prefix = c.atomClass.rawValue + "/"
            let features = c.references.columns
            let k = c.directionReferences.count
            writer.add(
                prefix + "scaling", shape: [2, features], c.scaling.minimum + c.scaling.range)
            writer.add(
                prefix + "references", shape: [c.references.rows, features], c.references.storage)
            writer.add(
                prefix + "squared-lengths", shape: [c.references.rows],
                squaredRowLengths(c.references))
            writer.add(prefix + "norm-weights", shape: [c.norm.weights.count], c.norm.weights)
            writer.add(
                prefix + "direction-references", shape: [k], c.directionReferences.map(Int32.init))
            writer.add(prefix + "directions", shape: [k, 3], c.directions.flatMap { [$0.x, $0.y, $0.z] })
            let packed = PackedEnvironments(c.environments)
            writer.add(prefix + "environments", shape: [k, packed.slots, 3], packed.points)
            writer.add(prefix + "environment-marks", shape: [k], packed.marks)
            writer.add(prefix + "projections", shape: [k, k], c.direction.projections.storage)
            if let misfits = c.direction.misfits {
                writer.add(prefix + "misfits", shape: [k, k], misfits.storage)
            }
        }
        return try writer.write(to: path)
    }
}

/// What the model file says beside its numbers.
struct OAMLMHeader: Codable, Sendable {
    struct Class: Codable, Sendable {
        var atomClass: AtomClass
        var environments: Int
        var stretched: Int
        var normSolver: EMLM.Solver
        var normConstant: Double
        var calibration: Calibration
    }

    var levelOfTheory: String
    var options: OAMLMOptions
    var frames: Int
    var provenance: [String: String]
    var classes: [Class]
}

/// Environments of one class as arrays: slots with a bit each, or shells with their count and anchor.
struct PackedEnvironments {
    var slots: Int
    var points: [Double] = []
    var marks: [Int32] = []

    private static let anchor: Int32 = 1 << 16

    init(_ environments: [Environment]) {
        let lists = environments.map { environment -> (points: [SIMD3<Double>], mark: Int32) in
            switch environment {
            case .slots(let set): (set.points, Int32(set.filled))
            case .shell(let shell):
                (shell.points, Int32(shell.points.count) | (shell.hasAnchor ? Self.anchor : 0))
            }
        }
        slots = lists.map(\.points.count).max() ?? 0
        for list in lists {
            for k in 0..<slots {
                let p = k < list.points.count ? list.points[k] : .zero
                points += [p.x, p.y, p.z]
            }
            marks.append(list.mark)
        }
    }

    /// The environments that these arrays hold; nil where they are not such.
    static func unpack(
        _ atomClass: AtomClass, slots: Int, points: [Double], marks: [Int32]
    ) -> [Environment]? {
        guard points.count == marks.count * slots * 3 else { return nil }
        let expected = Environment.permutations(atomClass)?.first?.count
        guard expected == nil || expected == slots, slots <= 32 else { return nil }
        var environments: [Environment] = []
        for (j, mark) in marks.enumerated() {
            let vectors: [SIMD3<Double>] = (0..<slots).map { k in
                let start = (j * slots + k) * 3
                return [points[start], points[start + 1], points[start + 2]]
            }
            if expected != nil {
                environments.append(
                    .slots(PointSet((0..<slots).map { mark >> Int32($0) & 1 == 1 ? vectors[$0] : nil })))
            } else {
                let count = Int(mark & ~anchor)
                guard (0...slots).contains(count), mark & anchor == 0 || count > 0 else { return nil }
                environments.append(
                    .shell(Shell(points: Array(vectors.prefix(count)), hasAnchor: mark & anchor != 0)))
            }
        }
        return environments
    }
}

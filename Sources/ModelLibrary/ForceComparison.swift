public import Atomistics
import Foundation
import ThiolateGold

/// Predicted beside reference forces, an atom at a time.
public struct ForceComparison: Sendable {
    public struct Atom: Sendable {
        /// eV/Å.
        public var predicted: SIMD3<Double>
        /// eV/Å.
        public var reference: SIMD3<Double>
        /// What the model expected of the length of the error vector, eV/Å.
        public var expected: Double?
        public var outOfDomain: Bool
        /// In the order of ``ForceComparison/indicators``; NaN where there is none.
        public var indicators: [Double]

        /// Length of the error vector, eV/Å.
        public var error: Double { (predicted - reference).length }

        /// Degrees; 90 where one of the vectors has no direction.
        public var angle: Double {
            let length = (predicted.squaredLength * reference.squaredLength).squareRoot()
            guard length > 0 else { return 90 }
            return acos(max(-1, min(1, predicted.dot(reference) / length))) * 180 / .pi
        }
    }

    /// By class, and `all`. Molecules of H, C, S and Au have the classes of ThiolateGold's `AtomClass`, half
    /// units apart, and `Au` for all gold; other structures those of the model.
    public private(set) var atoms: [String: [Atom]] = [:]
    /// Names of the signs of doubt that the model gives.
    public private(set) var indicators: [String] = []
    /// Error of the energy of each frame that has one, and what was expected of it, eV an atom.
    public private(set) var energyErrors: [(error: Double, expected: Double?)] = []
    public private(set) var frames = 0
    /// Who predicted.
    public let model: ForceFieldProvenance

    /// The names of classes in the order of tables, without `all`.
    public var classes: [String] { Self.inOrder(atoms.keys) }

    static func inOrder(_ names: some Sequence<String>) -> [String] {
        let order = ["core-gold", "unit-gold", "half-unit-gold", "Au", "S", "C", "H"]
        return names.filter { $0 != "all" }.sorted {
            (order.firstIndex(of: $0) ?? 99, $0) < (order.firstIndex(of: $1) ?? 99, $1)
        }
    }

    /// - Parameters:
    ///   - forceField: who predicts.
    ///   - frames: with forces.
    ///   - progress: told how many frames are done.
    /// - Throws: what the force field throws, and ``EvaluationError/noForces(frame:)``.
    public init(_ forceField: any ForceField, on frames: [Atoms], progress: (Int) -> Void = { _ in }) throws {
        try self.init(forceField.provenance, on: frames) { frame, f in
            defer { progress(f + 1) }
            return try forceField.predict(frame)
        }
    }

    /// Another method's energies and forces for the same structures.
    ///
    /// Where two methods count energies from different zeros the energies' errors mean nothing but their
    /// spread.
    ///
    /// - Parameters:
    ///   - predicted: with the method's forces.
    ///   - name: what to call the method; its level of theory is the one of the first frame.
    ///   - frames: with forces; the same structures in the same order.
    /// - Throws: ``EvaluationError``.
    public init(_ predicted: [Atoms], named name: String, on frames: [Atoms]) throws {
        guard predicted.count == frames.count else {
            throw EvaluationError.otherFrames(predicted.count, expected: frames.count)
        }
        let provenance = ForceFieldProvenance(
            name: name, kind: "forces of a file", version: "",
            levelOfTheory: predicted.first?.levelOfTheory ?? "unknown")
        try self.init(provenance, on: frames) { frame, f in
            let other = predicted[f]
            guard let forces = other.forces else { throw EvaluationError.noForces(frame: f) }
            guard other.elements == frame.elements,
                zip(other.positions, frame.positions).allSatisfy({ ($0 - $1).length < 1e-3 })
            else { throw EvaluationError.otherStructure(frame: f) }
            return ForcePrediction(
                forces: forces, energy: other.energy, classes: frame.elements.map(\.symbol),
                outOfDomain: .init(repeating: false, count: frame.count))
        }
    }

    private init(
        _ provenance: ForceFieldProvenance, on frames: [Atoms],
        predicting predict: (Atoms, Int) throws -> ForcePrediction
    ) throws {
        model = provenance
        self.frames = frames.count
        for (f, frame) in frames.enumerated() {
            guard let forces = frame.forces else { throw EvaluationError.noForces(frame: f) }
            let prediction = try predict(frame, f)
            if f == 0 { indicators = prediction.indicators.keys.sorted() }
            if let predicted = prediction.energy, let reference = frame.energy {
                let n = Double(max(1, frame.count))
                energyErrors.append(
                    ((predicted - reference) / n, prediction.energyUncertainty.map { $0 / n }))
            }
            let classes = Classification.ofThiolateGold(frame)
            for i in 0..<frame.count {
                let atom = Atom(
                    predicted: prediction.forces[i], reference: forces[i],
                    expected: prediction.uncertainty?[i], outOfDomain: prediction.outOfDomain[i],
                    indicators: indicators.map { prediction.indicators[$0]?[i] ?? .nan })
                atoms[classes?.name(i) ?? prediction.classes[i], default: []].append(atom)
                if classes != nil, frame.elements[i] == .gold { atoms["Au", default: []].append(atom) }
                atoms["all", default: []].append(atom)
            }
        }
    }
}

extension Classification {
    /// The classes of a molecule of H, C, S and Au, so that rows of all kinds of model compare; else nil.
    fileprivate static func ofThiolateGold(_ atoms: Atoms) -> Classification? {
        let isThiolateGold = atoms.elements.allSatisfy { [.hydrogen, .carbon, .sulfur, .gold].contains($0) }
        return isThiolateGold && !atoms.periodicity.isPeriodic ? Classification(atoms) : nil
    }
}

/// Why a comparison cannot be made.
public enum EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    case noForces(frame: Int)
    /// Another method's file has another number of frames, or another structure in one.
    case otherFrames(Int, expected: Int)
    case otherStructure(frame: Int)

    public var description: String {
        switch self {
        case .noForces(let frame): "frame \(frame) has no forces to compare with"
        case .otherFrames(let count, let expected):
            "there are \(count) frames to compare with \(expected)"
        case .otherStructure(let frame): "frame \(frame) is another structure in the two files"
        }
    }
}

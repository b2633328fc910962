public import Atomistics
import Foundation
import ThiolateGold

/// Predicted and reference forces, atom by atom.
public struct ForceComparison: Sendable {
    public struct Atom: Sendable {
        /// Predicted force, eV/Å.
        public var predicted: SIMD3<Double>
        /// Reference force, eV/Å.
        public var reference: SIMD3<Double>
        /// Expected length of the error vector, eV/Å; nil if the model gives none.
        public var expected: Double?
        public var outOfDomain: Bool
        /// Values in the order of ``ForceComparison/indicators``; NaN if there is no value.
        public var indicators: [Double]

        /// Length of the error vector, eV/Å.
        public var error: Double { (predicted - reference).length }

        /// Angle between the two forces, degrees; 90 if one of them has no direction.
        public var angle: Double { predicted.angle(to: reference) }
    }

    /// The atoms by class, and under `all`. Molecules of H, C, S and Au have the classes of ThiolateGold's `AtomClass`,
    /// with separate half units, and `Au` for all gold; other structures have the classes of the model.
    public private(set) var atoms: [String: [Atom]] = [:]
    /// Names of the model's indicators of uncertainty.
    public private(set) var indicators: [String] = []
    /// Error of the energy of each frame that has one, and its expected value, eV per atom.
    public private(set) var energyErrors: [(error: Double, expected: Double?)] = []
    public private(set) var frames = 0
    /// The model's identity.
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
    ///   - forceField: the model.
    ///   - frames: frames with forces.
    ///   - progress: called with the number of finished frames.
    /// - Throws: errors of the force field, and ``EvaluationError/noForces(frame:)``.
    public init(_ forceField: any ForceField, on frames: [Atoms], progress: (Int) -> Void = { _ in }) throws {
        try self.init(forceField.provenance, on: frames) { frame, f in
            defer { progress(f + 1) }
            return try forceField.predict(frame)
        }
    }

    /// Compares the energies and forces that another method gave for the same structures.
    ///
    /// If the methods have different energy zeros, only the spread of the energy errors is
    /// meaningful.
    ///
    /// - Parameters:
    ///   - predicted: frames with the method's forces.
    ///   - name: the name of the method; its level of theory is taken from the first frame.
    ///   - frames: frames with reference forces, for the same structures in the same order.
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
    /// Returns the classes of a molecule of H, C, S and Au, so that rows of all kinds of models are comparable; nil for
    /// other structures.
    fileprivate static func ofThiolateGold(_ atoms: Atoms) -> Classification? {
        let isThiolateGold = atoms.elements.allSatisfy { [.hydrogen, .carbon, .sulfur, .gold].contains($0) }
        return isThiolateGold && !atoms.periodicity.isPeriodic ? Classification(atoms) : nil
    }
}

/// The reason why a comparison is impossible.
public enum EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    case noForces(frame: Int)
    /// The other method's file has a different number of frames, or a different structure in one.
    case otherFrames(Int, expected: Int)
    case otherStructure(frame: Int)

    public var description: String {
        switch self {
        case .noForces(let frame): "frame \(frame) has no forces to compare with"
        case .otherFrames(let count, let expected):
            "the two files have \(count) and \(expected) frames"
        case .otherStructure(let frame): "frame \(frame) is not the same structure in the two files"
        }
    }
}

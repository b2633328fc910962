public import Atomistics
import Foundation

/// The agreement of predicted forces with labels, by element.
public struct ForceAccuracy: Sendable, Codable, Equatable {
    public struct Row: Sendable, Codable, Equatable {
        public var atoms = 0
        /// Root mean square error of a force component, √⟨(F_α − F_α^ref)²⟩, eV/Å.
        public var componentRMSE = 0.0
        /// Root mean square length of the force error of an atom, √⟨|F − F^ref|²⟩, eV/Å.
        public var vectorRMSE = 0.0
        /// Mean angle between the predicted force and its label, with weights |F^ref|², degrees.
        public var weightedAngle = 0.0
        /// Root mean square length of the reference forces, √⟨|F^ref|²⟩, eV/Å. A prediction of zero has this
        /// ``vectorRMSE``.
        public var referenceRMS = 0.0
    }

    /// The accuracy for each element, by element symbol.
    public private(set) var rows: [String: Row] = [:]
    private var squares: [String: (error: Double, angle: Double, reference: Double)] = [:]

    public init() {}

    public mutating func add(_ elements: [Element], predicted: [SIMD3<Double>], reference: [SIMD3<Double>]) {
        for (i, element) in elements.enumerated() {
            let (f, r) = (predicted[i], reference[i])
            var sums = squares[element.symbol] ?? (0, 0, 0)
            let cosine = f.dot(r) / max((f.squaredLength * r.squaredLength).squareRoot(), 1e-300)
            sums.error += (f - r).squaredLength
            sums.angle += acos(min(1, max(-1, cosine))) * r.squaredLength
            sums.reference += r.squaredLength
            squares[element.symbol] = sums
            var row = rows[element.symbol] ?? Row()
            row.atoms += 1
            row.vectorRMSE = (sums.error / Double(row.atoms)).squareRoot()
            row.componentRMSE = row.vectorRMSE / 3.0.squareRoot()
            row.weightedAngle = sums.reference > 0 ? sums.angle / sums.reference * 180 / .pi : 0
            row.referenceRMS = (sums.reference / Double(row.atoms)).squareRoot()
            rows[element.symbol] = row
        }
    }

    private enum CodingKeys: String, CodingKey { case rows }

    public static func == (a: Self, b: Self) -> Bool { a.rows == b.rows }
}

extension SOAPPotential {
    /// Computes the force accuracy on labelled frames; frames without forces are ignored.
    public func accuracy(on frames: [Atoms]) throws -> ForceAccuracy {
        var result = ForceAccuracy()
        for atoms in frames {
            guard let reference = atoms.forces else { continue }
            result.add(atoms.elements, predicted: try energyAndForces(atoms).forces, reference: reference)
        }
        return result
    }
}

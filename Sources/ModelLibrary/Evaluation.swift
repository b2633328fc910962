public import Atomistics
import Foundation
import ThiolateGold

/// How well a force field's forces agree with those that frames carry, a class of atom at a time.
public struct Evaluation: Sendable, Codable, Equatable {
    public struct Row: Sendable, Codable, Equatable {
        public var atoms = 0
        /// Root mean square of a component of the reference forces, eV/Å.
        public var referenceRMS = 0.0
        /// Root mean square error of ‖F‖, eV/Å.
        public var normRMSE = 0.0
        /// Angle between predicted and reference force, degrees: Σ|F|²θ/Σ|F|², median, mean.
        public var weightedAngle = 0.0
        public var medianAngle = 0.0
        public var meanAngle = 0.0
        /// Root mean square error of a component of the force vector, eV/Å.
        public var componentRMSE = 0.0
        /// Root mean square length of the error vector, eV/Å: √3 times ``componentRMSE``.
        public var vectorRMSE = 0.0
        /// Mean length of the error vector, eV/Å.
        public var meanError = 0.0
        /// Mean of what the model expected of it, eV/Å; nil where it says nothing.
        public var expectedError: Double?
        /// Rank correlation (Spearman) of the expected and the true error.
        public var errorCorrelation: Double?
        /// Fraction of atoms whose error is at most twice the expected one.
        public var withinTwice: Double?
        public var outOfDomain = 0
    }

    /// Errors of total energies, eV an atom.
    public struct Energies: Sendable, Codable, Equatable {
        public var frames = 0
        public var rmse = 0.0
        public var meanError = 0.0
        public var largestError = 0.0
    }

    /// By class, and `all`. Molecules of H, C, S and Au have the classes of ``ThiolateGold/AtomClass``, half
    /// units apart, and `Au` for all gold; other structures those of the model.
    public private(set) var rows: [String: Row] = [:]
    public private(set) var frames = 0
    /// Of the frames that have an energy; nil where the model has none.
    public private(set) var energies: Energies?
    /// Who predicted.
    public let model: ForceFieldProvenance

    /// - Parameters:
    ///   - frames: with forces of the level of theory that the model learnt, or another one that the caller
    ///     wants it compared with.
    /// - Throws: what the force field throws, and ``EvaluationError/noForces(frame:)``.
    public init(_ forceField: any ForceField, on frames: [Atoms]) throws {
        try self.init(forceField.provenance, on: frames) { frame, _ in try forceField.predict(frame) }
    }

    /// The same of another method's energies and forces for the same structures.
    ///
    /// Where two methods count energies from different zeros the energies' errors mean nothing but their spread.
    ///
    /// - Parameter name: what to call the method; its level of theory is the one of the first frame.
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
        var samples: [String: [Sample]] = [:]
        var energyErrors: [Double] = []
        for (f, frame) in frames.enumerated() {
            guard let forces = frame.forces else { throw EvaluationError.noForces(frame: f) }
            let prediction = try predict(frame, f)
            if let predicted = prediction.energy, let reference = frame.energy {
                energyErrors.append((predicted - reference) / Double(max(1, frame.count)))
            }
            let classes = Classification.ofThiolateGold(frame)
            for i in 0..<frame.count {
                let sample = Sample(
                    predicted: prediction.forces[i], reference: forces[i],
                    expected: prediction.uncertainty?[i], outOfDomain: prediction.outOfDomain[i])
                samples[classes?.name(i) ?? prediction.classes[i], default: []].append(sample)
                if classes != nil, frame.elements[i] == .gold {
                    samples["Au", default: []].append(sample)
                }
                samples["all", default: []].append(sample)
            }
        }
        self.frames = frames.count
        rows = samples.mapValues(Row.init)
        if !energyErrors.isEmpty { energies = Energies(energyErrors) }
    }

    /// The same as JSON.
    public var json: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self))
        }
    }

    /// A table for people, a class a line.
    public var table: String {
        var lines = [
            "class              n   |F|/comp  norm RMSE  w.angle  median   mean  F RMSE/comp  F RMSE  mean err  expected  rank  <2x"
        ]
        let order = ["core-gold", "unit-gold", "half-unit-gold", "Au", "S", "C", "H"]
        let names = rows.keys.filter { $0 != "all" }.sorted {
            (order.firstIndex(of: $0) ?? 99, $0) < (order.firstIndex(of: $1) ?? 99, $1)
        }
        func number(_ value: Double?, _ format: String, width: Int) -> String {
            let text = value.map { String(format: format, $0) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        for name in names + ["all"] {
            guard let row = rows[name] else { continue }
            lines.append(
                name + String(repeating: " ", count: max(0, 14 - name.count))
                    + number(Double(row.atoms), "%.0f", width: 6)
                    + number(row.referenceRMS, "%.3f", width: 11)
                    + number(row.normRMSE, "%.4f", width: 11)
                    + number(row.weightedAngle, "%.2f", width: 9)
                    + number(row.medianAngle, "%.2f", width: 8)
                    + number(row.meanAngle, "%.2f", width: 7)
                    + number(row.componentRMSE, "%.4f", width: 13)
                    + number(row.vectorRMSE, "%.4f", width: 8)
                    + number(row.meanError, "%.4f", width: 10)
                    + number(row.expectedError, "%.4f", width: 10)
                    + number(row.errorCorrelation, "%.2f", width: 6)
                    + number(row.withinTwice, "%.2f", width: 5))
        }
        lines.append("")
        let version = model.version.isEmpty ? "" : ", \(model.version.prefix(12))"
        lines.append("\(frames) frames against \(model.name) (\(model.kind)\(version))")
        if let energies {
            lines.append(
                String(
                    format: "energy: RMSE %.1f meV an atom over %d frames (mean %+.1f, largest %.1f)",
                    energies.rmse * 1000, energies.frames, energies.meanError * 1000,
                    energies.largestError * 1000))
        }
        return lines.joined(separator: "\n")
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

private struct Sample {
    let predicted: SIMD3<Double>
    let reference: SIMD3<Double>
    let expected: Double?
    let outOfDomain: Bool

    var error: Double { (predicted - reference).length }

    /// Degrees; 90 where one of the vectors has no direction.
    var angle: Double {
        let length = (predicted.squaredLength * reference.squaredLength).squareRoot()
        guard length > 0 else { return 90 }
        return acos(max(-1, min(1, predicted.dot(reference) / length))) * 180 / .pi
    }
}

extension Evaluation.Energies {
    fileprivate init(_ errors: [Double]) {
        let n = Double(errors.count)
        frames = errors.count
        rmse = (errors.reduce(0) { $0 + $1 * $1 } / n).squareRoot()
        meanError = errors.reduce(0, +) / n
        largestError = errors.reduce(0) { max($0, abs($1)) }
    }
}

extension Evaluation.Row {
    fileprivate init(_ samples: [Sample]) {
        let n = Double(samples.count)
        atoms = samples.count
        func mean(_ value: (Sample) -> Double) -> Double {
            samples.reduce(0) { $0 + value($1) } / n
        }
        referenceRMS = mean { $0.reference.squaredLength / 3 }.squareRoot()
        normRMSE = mean {
            let e = $0.predicted.length - $0.reference.length
            return e * e
        }.squareRoot()
        let weight = mean(\.reference.squaredLength)
        weightedAngle =
            weight > 0 ? mean { $0.reference.squaredLength * $0.angle } / weight : 0
        let angles = samples.map(\.angle).sorted()
        medianAngle = (angles[(angles.count - 1) / 2] + angles[angles.count / 2]) / 2
        meanAngle = mean(\.angle)
        vectorRMSE = mean { $0.error * $0.error }.squareRoot()
        componentRMSE = vectorRMSE / 3.0.squareRoot()
        meanError = mean(\.error)
        outOfDomain = samples.count(where: \.outOfDomain)
        let expected = samples.compactMap(\.expected)
        if expected.count == samples.count {
            expectedError = expected.reduce(0, +) / n
            errorCorrelation = rankCorrelation(expected, samples.map(\.error))
            withinTwice = Double(samples.count { $0.error <= 2 * ($0.expected ?? 0) }) / n
        }
    }
}

/// Spearman's ρ: the correlation of ranks, ties sharing their mean rank; nil where one side is constant.
func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double? {
    func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for k in start...end { ranks[order[k]] = Double(start + end) / 2 }
            start = end + 1
        }
        return ranks
    }
    let (x, y) = (ranks(a), ranks(b))
    let mean = Double(a.count - 1) / 2
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (x, y) in zip(x, y) {
        xx += (x - mean) * (x - mean)
        yy += (y - mean) * (y - mean)
        xy += (x - mean) * (y - mean)
    }
    return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
}

public import Atomistics
import DurableFiles
import Foundation

/// The agreement of a force field's forces with labelled frames, for each class of atom.
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
        /// Mean expected length of the error vector, eV/Å; nil if the model gives none.
        public var expectedError: Double?
        /// Rank correlation (Spearman) of the expected and the true error.
        public var errorCorrelation: Double?
        /// Fraction of atoms whose error is at most twice the expected one.
        public var withinTwice: Double?
        public var outOfDomain = 0
        /// Each indicator of uncertainty by name: the expected error and the model's other indicators.
        public var indicators: [String: Indicator] = [:]
    }

    /// The quality with which one indicator of uncertainty predicts errors.
    public struct Indicator: Sendable, Codable, Equatable {
        /// Rank correlation (Spearman) with the length of the error vector, and with the angle.
        public var errorCorrelation: Double?
        public var angleCorrelation: Double?
        /// Mean error, eV/Å, of each quarter of the atoms, from the quarter with the smallest values of the indicator
        /// to the one with the largest; empty for fewer than four atoms.
        public var errorByQuarter: [Double] = []
    }

    /// Errors of total energies, eV per atom.
    public struct Energies: Sendable, Codable, Equatable {
        public var frames = 0
        public var rmse = 0.0
        public var meanError = 0.0
        public var largestError = 0.0
        /// Root mean square of the expected errors, eV per atom; nil if the model gives none.
        public var expectedError: Double?
        /// Fraction of frames whose error is at most twice the expected one.
        public var withinTwice: Double?
    }

    /// The rows by class, as in ``ForceComparison/atoms``.
    public private(set) var rows: [String: Row] = [:]
    public private(set) var frames = 0
    /// Errors of the energies of all frames that have an energy; nil if there are no such frames, or if the model gives
    /// no energies.
    public private(set) var energies: Energies?
    /// The model's identity.
    public let model: ForceFieldProvenance

    public init(_ comparison: ForceComparison) {
        model = comparison.model
        frames = comparison.frames
        rows = comparison.atoms.mapValues { Row($0, indicators: comparison.indicators) }
        if !comparison.energyErrors.isEmpty { energies = Energies(comparison.energyErrors) }
    }

    /// - Parameters:
    ///   - forceField: the model.
    ///   - frames: frames with forces, at the model's level of theory or at another one for
    ///     comparison.
    /// - Throws: errors of the force field, and ``EvaluationError/noForces(frame:)``.
    public init(_ forceField: any ForceField, on frames: [Atoms]) throws {
        self.init(try ForceComparison(forceField, on: frames))
    }

    /// The evaluation as JSON.
    public var json: [UInt8] {
        get throws {
            Array(try JSONEncoder.readable.encode(self))
        }
    }
}

extension Evaluation.Energies {
    fileprivate init(_ samples: [(error: Double, expected: Double?)]) {
        let n = Double(samples.count)
        frames = samples.count
        rmse = (samples.reduce(0) { $0 + $1.error * $1.error } / n).squareRoot()
        meanError = samples.reduce(0) { $0 + $1.error } / n
        largestError = samples.reduce(0) { max($0, abs($1.error)) }
        let expected = samples.compactMap(\.expected)
        guard expected.count == samples.count else { return }
        expectedError = (expected.reduce(0) { $0 + $1 * $1 } / n).squareRoot()
        withinTwice = Double(samples.count { abs($0.error) <= 2 * ($0.expected ?? 0) }) / n
    }
}

extension Evaluation.Row {
    fileprivate init(_ samples: [ForceComparison.Atom], indicators names: [String]) {
        let n = Double(samples.count)
        atoms = samples.count
        func mean(_ value: (ForceComparison.Atom) -> Double) -> Double {
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
            withinTwice = Double(samples.count { $0.error <= 2 * ($0.expected ?? 0) }) / n
            let indicator = Evaluation.Indicator(expected, samples)
            errorCorrelation = indicator.errorCorrelation
            indicators["expected"] = indicator
        }
        for (k, name) in names.enumerated() {
            let known = samples.filter { $0.indicators[k].isFinite }
            guard !known.isEmpty else { continue }
            indicators[name] = Evaluation.Indicator(known.map { $0.indicators[k] }, known)
        }
    }
}

extension Evaluation.Indicator {
    /// - Parameter values: one per sample.
    fileprivate init(_ values: [Double], _ samples: [ForceComparison.Atom]) {
        errorCorrelation = rankCorrelation(values, samples.map(\.error))
        angleCorrelation = rankCorrelation(values, samples.map(\.angle))
        let n = values.count
        guard n >= 4 else { return }
        let order = values.indices.sorted { values[$0] < values[$1] }
        errorByQuarter = (0..<4).map { quarter in
            let range = n * quarter / 4..<n * (quarter + 1) / 4
            return range.reduce(0) { $0 + samples[order[$1]].error } / Double(range.count)
        }
    }
}

/// Returns Spearman's ρ, the correlation of ranks, where ties share their mean rank; nil if one side is constant.
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

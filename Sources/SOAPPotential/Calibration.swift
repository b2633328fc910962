import Atomistics

/// Converts the posterior deviation of an atom's energy to the expected error of its force, from
/// errors on held-out frames.
public struct Calibration: Codable, Sendable, Equatable {
    /// The curve of one element: for bins of equal population the mean deviation, eV, and the root
    /// mean square length of the force error, eV/Å, made non-decreasing.
    public struct Curve: Codable, Sendable, Equatable {
        public var deviations: [Double]
        public var errors: [Double]
        /// The largest deviation in held-out or training frames, eV.
        public var largest: Double

        /// One finite error for each of the ascending deviations.
        var isSound: Bool {
            errors.count == deviations.count && (deviations + errors).allSatisfy { $0.isFinite && $0 >= 0 }
                && zip(deviations, deviations.dropFirst()).allSatisfy { $0 < $1 }
        }
    }

    /// By element symbol.
    public var curves: [String: Curve]

    /// The factor s in the expected error of a frame's energy, s √(Σ_i v_i) over its atoms'
    /// variances: the root mean square of error/√(Σ_i v_i) on held-out frames; nil if none of them
    /// had an energy.
    public var energyScale: Double?

    /// Expected error of the energy of a frame, eV.
    func expectedEnergyError(variances: [Double]) -> Double? {
        energyScale.map { $0 * variances.reduce(0, +).squareRoot() }
    }

    /// Expected length of the force error, eV/Å: linear between bins, proportional to the deviation
    /// beyond the last.
    func expectedError(_ element: Element, deviation: Double) -> Double {
        guard let curve = curves[element.symbol], let last = curve.deviations.last else { return .infinity }
        let (x, y) = (curve.deviations, curve.errors)
        if deviation >= last { return y[y.count - 1] * deviation / last }
        guard let upper = x.firstIndex(where: { $0 > deviation }), upper > 0 else { return y[0] }
        let t = (deviation - x[upper - 1]) / (x[upper] - x[upper - 1])
        return y[upper - 1] + t * (y[upper] - y[upper - 1])
    }

    func isOutside(_ element: Element, deviation: Double) -> Bool {
        deviation > Self.tolerance * (curves[element.symbol]?.largest ?? 0)
    }

    /// The factor by which the largest known deviation may be exceeded.
    private static let tolerance = 1.0
    private static let bins = 8

    /// - Parameter samples: by element, deviation and length of the force error of each held-out
    ///   atom.
    init(samples: [String: [(deviation: Double, error: Double)]], largest: [String: Double]) {
        curves = [:]
        for (symbol, values) in samples {
            let sorted = values.sorted { ($0.deviation, $0.error) < ($1.deviation, $1.error) }
            let count = min(Self.bins, max(1, sorted.count / 12))
            var blocks: [(deviation: Double, squared: Double, size: Int)] = []
            for bin in 0..<count {
                let members = sorted[sorted.count * bin / count..<sorted.count * (bin + 1) / count]
                blocks.append(
                    (
                        members.reduce(0) { $0 + $1.deviation },
                        members.reduce(0) { $0 + $1.error * $1.error },
                        members.count
                    ))
                // Merges with the previous bins as long as they have the larger error.
                while blocks.count > 1 {
                    let (a, b) = (blocks[blocks.count - 2], blocks[blocks.count - 1])
                    guard a.squared / Double(a.size) >= b.squared / Double(b.size) else { break }
                    blocks.removeLast(2)
                    blocks.append((a.deviation + b.deviation, a.squared + b.squared, a.size + b.size))
                }
            }
            curves[symbol] = Curve(
                deviations: blocks.map { $0.deviation / Double($0.size) },
                errors: blocks.map { ($0.squared / Double($0.size)).squareRoot() },
                largest: max(sorted.last?.deviation ?? 0, largest[symbol] ?? 0))
        }
    }
}

import Atomistics

/// The expected force error of an atom, as a function of the potential's doubt about the atom's environment.
///
/// The doubt σ + w ν combines two measures with a weight w: the posterior deviation of the atom's energy, σ, and the
/// novelty ν of its environment (`SOAPPotential.Evaluation`). The errors at each doubt were measured on frames held out
/// of the fit. Far from the training data, ν is the better measure; near the data, σ is.
public struct Calibration: Codable, Sendable, Equatable {
    /// One element's curve from doubt to expected error: for each of several bins with the same number of environments,
    /// their mean doubt, eV, and the root mean square length of their force errors, eV/Å, made non-decreasing.
    public struct Curve: Codable, Sendable, Equatable {
        public var deviations: [Double]
        public var errors: [Double]
        /// The largest posterior deviation σ of an atom in the training frames, eV. It limits the domain if
        /// ``noveltyLimit`` is nil.
        public var largest: Double
        /// Weight w of the novelty in the doubt, eV. Nil means 0.
        public var noveltyWeight: Double?
        /// Novelty above which an environment is out of domain. Nil in models of earlier versions, which use
        /// ``largest``.
        public var noveltyLimit: Double?
        /// The largest force in the training frames, eV/Å. Nil in models of earlier versions, which do not store it.
        public var largestForce: Double?

        /// Interpolates linearly between the bins; beyond the last bin, the error is proportional to the doubt.
        func expectedError(_ doubt: Doubt) -> Double {
            let (x, y) = (deviations, errors)
            guard let last = x.last else { return .infinity }
            let value = doubt.deviation + (noveltyWeight ?? 0) * doubt.novelty
            if value >= last { return y[y.count - 1] * value / last }
            guard let upper = x.firstIndex(where: { $0 > value }), upper > 0 else { return y[0] }
            let t = (value - x[upper - 1]) / (x[upper] - x[upper - 1])
            return y[upper - 1] + t * (y[upper] - y[upper - 1])
        }

        /// Whether the deviations ascend and each has one finite error.
        var isSound: Bool {
            errors.count == deviations.count && (deviations + errors).allSatisfy { $0.isFinite && $0 >= 0 }
                && zip(deviations, deviations.dropFirst()).allSatisfy { $0 < $1 }
        }
    }

    /// The two measures of the doubt about an atom's environment.
    struct Doubt {
        /// Posterior deviation of the atom's energy, eV.
        var deviation: Double
        /// Part of the atom's environment that no inducing environment describes, 0 to 1.
        var novelty: Double
    }

    /// An atom of a held-out frame.
    struct Sample {
        var doubt: Doubt
        /// Length of the force error, eV/Å.
        var error: Double
        /// Whether the atom's molecule belongs to the potential's domain; the novelty limit is chosen so that nearly
        /// all of these atoms are below it.
        var isKnown: Bool
    }

    /// The curves by element symbol.
    public var curves: [String: Curve]

    /// The factor s in the expected error of a frame's energy, s √(Σ_i v_i), where v_i is the variance of the energy of
    /// atom i. It is the root mean square of error/√(Σ_i v_i) on held-out frames. Nil if no held-out frame had an
    /// energy.
    public var energyScale: Double?

    /// Returns the expected error of the energy of a frame, eV; nil if ``energyScale`` is nil.
    func expectedEnergyError(variances: [Double]) -> Double? {
        energyScale.map { $0 * variances.reduce(0, +).squareRoot() }
    }

    /// Returns the expected length of the force error of an atom of this element, eV/Å.
    func expectedError(_ element: Element, _ doubt: Doubt) -> Double {
        guard let curve = curves[element.symbol] else { return .infinity }
        if curve.deviations.count > 1 { return curve.expectedError(doubt) }
        let others = curves.values.filter { $0.deviations.count > 1 }.map { $0.expectedError(doubt) }
        // With few held-out atoms of the element, small errors may be due to chance, so the estimate is at least the
        // smallest one of the other elements.
        if !curve.deviations.isEmpty { return max(curve.expectedError(doubt), others.min() ?? 0) }
        // Without held-out atoms of the element, the estimate is the largest one of the other elements at this doubt.
        let single = curves.values.filter { $0.deviations.count == 1 }.map { $0.expectedError(doubt) }
        return (others + single).max() ?? .infinity
    }

    func isOutside(_ element: Element, _ doubt: Doubt) -> Bool {
        let curve = curves[element.symbol]
        if let limit = curve?.noveltyLimit { return doubt.novelty > limit }
        return doubt.deviation > curve?.largest ?? 0
    }

    private static let bins = 16
    /// Smallest number of atoms in a bin.
    private static let smallestBin = 12
    /// The share of held-out environments of known molecules whose novelty is within the domain.
    private static let knownPart = 0.99
    /// Candidates for the weight w of the novelty, eV; the one that ranks the errors best is chosen.
    private static let weights = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]

    /// - Parameter samples: held-out atoms by element symbol.
    init(samples: [String: [Sample]]) {
        curves = samples.mapValues(Self.curve)
    }

    private static func curve(_ samples: [Sample]) -> Curve {
        let errors = samples.map(\.error)
        func doubts(_ weight: Double) -> [Double] {
            samples.map { $0.doubt.deviation + weight * $0.doubt.novelty }
        }
        let weight =
            samples.count < 2 * smallestBin
            ? 0 : weights.map { ($0, rankCorrelation(doubts($0), errors)) }.max { $0.1 < $1.1 }?.0 ?? 0
        let sorted = zip(doubts(weight), errors).sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        let count = min(bins, max(1, sorted.count / smallestBin))
        var blocks: [(doubt: Double, squared: Double, size: Int)] = []
        for bin in 0..<count {
            let members = sorted[sorted.count * bin / count..<sorted.count * (bin + 1) / count]
            blocks.append(
                (
                    members.reduce(0) { $0 + $1.0 }, members.reduce(0) { $0 + $1.1 * $1.1 }, members.count
                ))
            // Pools a bin with the previous one as long as the previous one has the larger error.
            while blocks.count > 1 {
                let (a, b) = (blocks[blocks.count - 2], blocks[blocks.count - 1])
                guard
                    a.squared / Double(a.size) >= b.squared / Double(b.size)
                        || a.doubt / Double(a.size) >= b.doubt / Double(b.size)
                else { break }
                blocks.removeLast(2)
                blocks.append((a.doubt + b.doubt, a.squared + b.squared, a.size + b.size))
            }
        }
        let known = samples.filter(\.isKnown).map(\.doubt.novelty).sorted()
        return Curve(
            deviations: blocks.map { $0.doubt / Double($0.size) },
            errors: blocks.map { ($0.squared / Double($0.size)).squareRoot() },
            largest: 0, noveltyWeight: weight,
            noveltyLimit: known.isEmpty ? 0 : known[Int(knownPart * Double(known.count - 1))])
    }

    /// Returns Spearman's rank correlation; equal values are ranked in their order.
    private static func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double {
        func ranks(_ values: [Double]) -> [Double] {
            var ranks = [Double](repeating: 0, count: values.count)
            for (rank, index) in values.indices.sorted(by: { values[$0] < values[$1] }).enumerated() {
                ranks[index] = Double(rank)
            }
            return ranks
        }
        let n = Double(a.count)
        let squares = zip(ranks(a), ranks(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return 1 - 6 * squares / (n * (n * n - 1))
    }
}

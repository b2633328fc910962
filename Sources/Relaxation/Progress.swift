import Atomistics

/// A detector of the progress of a relaxation, from its forces and positions, and from its energies if there are any.
struct Progress: Sendable {
    private static let improvement = 0.01
    /// Smallest decrease of the energy that counts as progress, eV.
    private static let energyGain = 1e-3
    private static let closeness = 0.02

    private(set) var smallestFmax = Double.infinity
    private var smallestRMS = Double.infinity
    private var lowestEnergy = Double.infinity
    /// The last step at which the forces became smaller, or the energy lower, by enough to count as
    /// progress.
    private(set) var since = 0
    /// The last positions, enough for two cycles of the longest period; the newest are last.
    private var recent: [[SIMD3<Double>]] = []

    init() {}

    mutating func note(_ frame: RelaxationFrame, positions: [SIMD3<Double>], longestCycle: Int?) {
        let energy = frame.prediction.energy ?? .infinity
        if frame.fmax < smallestFmax * (1 - Self.improvement)
            || frame.rmsForce < smallestRMS * (1 - Self.improvement)
            || energy < lowestEnergy - Self.energyGain
        {
            since = frame.step
        }
        smallestFmax = min(smallestFmax, frame.fmax)
        smallestRMS = min(smallestRMS, frame.rmsForce)
        lowestEnergy = min(lowestEnergy, energy)
        guard let longestCycle else { return }
        recent.append(positions)
        if recent.count - longestCycle > longestCycle { recent.removeFirst() }
    }

    /// Returns the shortest period with which the positions have been repeated without progress; nil if there is none.
    func cycle(upTo longest: Int, step: Int) -> Int? {
        let longest = min(longest, recent.count / 2, (step - since) / 2)
        guard longest >= 2 else { return nil }
        return (2...longest).first { period in
            let second = recent.indices.suffix(period)
            let stride = second.map { distance(recent[$0], recent[$0 - 1]) }.max() ?? 0
            return stride > 0
                && second.allSatisfy {
                    distance(recent[$0], recent[$0 - period]) < Self.closeness * stride
                }
        }
    }

    /// Returns the largest distance between the two positions of an atom, Å.
    private func distance(_ a: [SIMD3<Double>], _ b: [SIMD3<Double>]) -> Double {
        var furthest = 0.0
        for i in a.indices { furthest = max(furthest, (a[i] - b[i]).squaredLength) }
        return furthest.squareRoot()
    }
}

/// The place of a relaxation in its ``Alternation``.
struct AlternationPlace: Sendable, Equatable {
    private(set) var round = 0
    private(set) var segment = 0
    /// Steps taken in this segment.
    private(set) var steps = 0

    init() {}

    mutating func tookStep() { steps += 1 }

    /// Moves on to the next segment that is not converged.
    ///
    /// - Parameter isConverged: whether the atoms of a segment are converged.
    /// - Returns: false if the last round is over.
    mutating func settle(in plan: Alternation, isConverged: (Int) -> Bool) -> Bool {
        while round < plan.rounds {
            if steps < plan.segments[segment].steps, !isConverged(segment) { return true }
            steps = 0
            segment += 1
            if segment == plan.segments.count { (segment, round) = (0, round + 1) }
        }
        return false
    }
}

/// The progress of a relaxation through its alternation.
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

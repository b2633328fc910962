/// How far a training is, for whoever started it: lines for people, and the fraction of the work that is done.
///
///     let training = TrainingProgress { news in
///         switch news {
///         case .line(let text): print(text)
///         case .fraction(let done): bar.show(done)
///         }
///     }
public struct TrainingProgress {
    public enum News: Sendable, Equatable {
        /// What was found, a line without its end.
        case line(String)
        /// Of the whole work, from 0 to 1 and never less than before; by what the parts are expected to cost.
        case fraction(Double)
    }

    private let tell: (News) -> Void
    private let start: Double
    private let span: Double

    /// - Parameter tell: called on the thread that trains.
    public init(_ tell: @escaping (News) -> Void) { self.init(tell, start: 0, span: 1) }

    private init(_ tell: @escaping (News) -> Void, start: Double, span: Double) {
        (self.tell, self.start, self.span) = (tell, start, span)
    }

    /// Tells nobody.
    public static var untold: TrainingProgress { TrainingProgress { _ in } }

    /// A line for people.
    public func callAsFunction(_ line: String) { tell(.line(line)) }

    /// - Parameter fraction: of this part of the work, from 0 to 1.
    public func reached(_ fraction: Double) { tell(.fraction(start + span * min(1, max(0, fraction)))) }

    /// - Parameters:
    ///   - done: pieces.
    ///   - total: equal pieces that this part consists of.
    public func reached(_ done: Int, of total: Int) { reached(total > 0 ? Double(done) / Double(total) : 1) }

    /// The piece of this part between two fractions of it.
    public func part(_ range: ClosedRange<Double>) -> TrainingProgress {
        TrainingProgress(
            tell, start: start + span * range.lowerBound, span: span * (range.upperBound - range.lowerBound))
    }

    /// This part in pieces that follow each other.
    ///
    /// - Parameter costs: of the pieces, in any unit.
    public func parts(_ costs: [Double]) -> [TrainingProgress] {
        let total = max(costs.reduce(0, +), .leastNormalMagnitude)
        var done = 0.0
        return costs.map { cost in
            let piece = part(done / total...(done + cost) / total)
            done += cost
            return piece
        }
    }
}

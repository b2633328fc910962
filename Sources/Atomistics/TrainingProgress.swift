/// A reporter of the progress of a training: lines for the user, and the finished fraction of the work.
///
///     let training = TrainingProgress { news in
///         switch news {
///         case .line(let text): print(text)
///         case .fraction(let done): bar.show(done)
///         }
///     }
public struct TrainingProgress {
    public enum News: Sendable, Equatable {
        /// A line of text without its line feed.
        case line(String)
        /// The finished fraction of the whole work, from 0 to 1. It never decreases; its parts are weighted by their
        /// expected cost.
        case fraction(Double)
    }

    private let tell: (News) -> Void
    private let start: Double
    private let span: Double

    /// - Parameter tell: called on the training thread.
    public init(_ tell: @escaping (News) -> Void) { self.init(tell, start: 0, span: 1) }

    private init(_ tell: @escaping (News) -> Void, start: Double, span: Double) {
        (self.tell, self.start, self.span) = (tell, start, span)
    }

    /// A reporter that ignores all reports.
    public static var untold: TrainingProgress { TrainingProgress { _ in } }

    /// Reports a line for the user.
    public func callAsFunction(_ line: String) { tell(.line(line)) }

    /// Reports the finished fraction of this part of the work.
    ///
    /// - Parameter fraction: from 0 to 1.
    public func reached(_ fraction: Double) { tell(.fraction(start + span * min(1, max(0, fraction)))) }

    /// Reports the number of finished pieces of this part of the work.
    ///
    /// - Parameters:
    ///   - done: number of finished pieces.
    ///   - total: number of equal pieces in this part.
    public func reached(_ done: Int, of total: Int) { reached(total > 0 ? Double(done) / Double(total) : 1) }

    /// Returns a reporter for one piece of this part, which lies between two fractions of the part.
    public func part(_ range: ClosedRange<Double>) -> TrainingProgress {
        TrainingProgress(
            tell, start: start + span * range.lowerBound, span: span * (range.upperBound - range.lowerBound))
    }

    /// Returns reporters for consecutive pieces of this part.
    ///
    /// - Parameter costs: relative costs of the pieces.
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

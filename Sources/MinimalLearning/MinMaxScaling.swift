public import LinearAlgebra

/// A scaling of each feature to [0, 1] over the rows to which it was fitted.
///
///     x̂ = (x − min) / (max − min)
///
/// A feature whose range is below 10 ε (for values of the order of one) is only shifted. Rows
/// outside the fitted range are not clipped.
public struct MinMaxScaling: Sendable, Equatable {
    /// The minimum of each feature.
    public let minimum: [Double]
    /// max − min of each feature, or 1 if that vanishes.
    public let range: [Double]

    public init(minimum: [Double], range: [Double]) {
        precondition(minimum.count == range.count, "one range per feature")
        self.minimum = minimum
        self.range = range
    }

    /// - Parameter x: N×F, N ≥ 1.
    public init(fitting x: Matrix) {
        precondition(x.rows > 0, "scaling needs at least one row")
        var (low, high) = (Array(x.row(0)), Array(x.row(0)))
        for i in 1..<max(1, x.rows) {
            for (k, value) in zip(0..<x.columns, x.row(i)) {
                low[k] = min(low[k], value)
                high[k] = max(high[k], value)
            }
        }
        minimum = low
        range = zip(low, high).map { $1 - $0 < 10 * Double.ulpOfOne ? 1 : $1 - $0 }
    }

    /// Returns the scaled rows.
    ///
    /// - Parameter x: N×F.
    public func callAsFunction(_ x: Matrix) -> Matrix {
        precondition(x.columns == minimum.count, "the number of features equals that of the fit")
        var result = x
        let factor = range.map { 1 / $0 }
        let columns = x.columns
        result.storage.withUnsafeMutableBufferPointer { values in
            for start in stride(from: 0, to: values.count, by: max(1, columns)) {
                for k in 0..<columns {
                    values[start + k] = (values[start + k] - minimum[k]) * factor[k]
                }
            }
        }
        return result
    }
}

/// A number of about 32 decimal digits: the unevaluated sum of two doubles.
///
/// It is meant for small problems whose condition number exceeds the precision of a double, and is a hundred times
/// slower than a double.
///
/// - Source: Dekker, Numer. Math. 18, 224 (1971); Hida, Li and Bailey, 15th IEEE Symp. on Computer
///   Arithmetic, 155 (2001).
public struct DoubleDouble: Sendable, Equatable {
    /// The nearest double.
    public let high: Double
    /// The remainder, at most half a unit in the last place of `high`.
    public let low: Double

    public init(_ value: Double) { (high, low) = (value, 0) }

    /// Makes the number high + low, where |high| ≥ |low| or `high` is 0.
    public init(high: Double, low: Double) {
        self.high = high + low
        self.low = low - (self.high - high)
    }

    /// √π.
    public static let squareRootOfPi = DoubleDouble(high: 0x1.c5bf891b4ef6bp0, low: -0x1.618f13eb7ca89p-54)

    public static func + (a: Self, b: Self) -> Self {
        let sum = a.high + b.high
        let part = sum - a.high
        let error = (a.high - (sum - part)) + (b.high - part)
        return Self(high: sum, low: error + a.low + b.low)
    }

    public static prefix func - (a: Self) -> Self { Self(high: -a.high, low: -a.low) }
    public static func - (a: Self, b: Self) -> Self { a + -b }

    public static func * (a: Self, b: Self) -> Self {
        let product = a.high * b.high
        let error = (-product).addingProduct(a.high, b.high)
        return Self(high: product, low: error + (a.high * b.low + a.low * b.high))
    }

    public static func / (a: Self, b: Self) -> Self {
        let first = a.high / b.high
        let rest = a - b * Self(first)
        let second = rest.high / b.high
        let third = (rest - b * Self(second)).high / b.high
        return Self(high: first, low: second) + Self(third)
    }

    public static func += (a: inout Self, b: Self) { a = a + b }
    public static func -= (a: inout Self, b: Self) { a = a - b }

    /// - Precondition: not negative.
    public func squareRoot() -> Self {
        guard high > 0 else { return Self(0) }
        let root = Self(high.squareRoot())
        // One Newton step doubles the digits.
        return root + Self((self - root * root).high / (2 * root.high))
    }
}

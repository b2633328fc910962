import Foundation

/// A chart of curves against the step, as SVG: lines with a dot at each point, two axes, a legend.
///
/// Everything except the curves is drawn in `currentColor`, so that the chart is readable in light
/// and dark mode.
public struct LineChart: Sendable {
    public struct Series: Sendable {
        public var name: String
        /// Colour in SVG's notation. Curves of the same kind have the same colour.
        public var colour: String
        /// Points in the order in which lines join them. Points that cannot be drawn (not a number, or not positive on
        /// a logarithmic axis) are left out.
        public var points: [SIMD2<Double>]
        /// The value of a horizontal line, below which the curve is to fall; nil for no line.
        public var limit: Double?
        /// Whether its points are joined by a dashed line.
        public var isDashed = false

        public init(
            _ name: String, colour: String, _ points: [SIMD2<Double>], limit: Double? = nil,
            isDashed: Bool = false
        ) {
            (self.name, self.colour, self.points, self.limit) = (name, colour, points, limit)
            self.isDashed = isDashed
        }
    }

    /// Colours that people with red–green colour blindness can distinguish.
    public static let gold = "#b8860b"
    public static let blue = "#3b7dd8"
    /// Colours for the curves of several jobs; they repeat after the last one.
    static var palette: some Sequence<String> {
        let colours = [
            blue, "#d55e00", "#009e73", "#cc79a7", gold, "#56b4e9",
            "#7a52aa", "#888888", "#66a61e", "#e7298a", "#8c564b", "#17a2b8",
        ]
        return sequence(state: 0) { place -> String? in
            defer { place += 1 }
            return colours[place % colours.count]
        }
    }

    let title: String
    let yLabel: String
    let isLogarithmic: Bool
    let series: [Series]

    public init(_ title: String, y: String, logarithmic: Bool = false, _ series: [Series]) {
        (self.title, yLabel, isLogarithmic) = (title, y, logarithmic)
        self.series = series.map { one in
            var one = one
            one.points = one.points.filter {
                $0.x.isFinite && $0.y.isFinite && (!logarithmic || $0.y > 0)
            }
            return one
        }.filter { !$0.points.isEmpty }
    }

    /// True if no curve has a point.
    public var isEmpty: Bool { series.isEmpty }

    /// The chart as a complete SVG file.
    public var svg: String {
        let size = size
        var sheet = FigureSheet(width: size.x, height: size.y)
        sheet.add(draw(), x: 0, y: 0, width: size.x, height: size.y)
        return sheet.svg(titled: title)
    }

    /// The entries of the legend, each with its row and the position of its left edge, px.
    private var names: [(row: Int, left: Double, series: Series)] {
        var (row, left) = (0, Self.axes.left)
        return series.map { one in
            let width = 34 + 7 * Double(one.name.count)
            if left > Self.axes.left, left + width > Self.axes.right {
                (row, left) = (row + 1, Self.axes.left)
            }
            defer { left += width }
            return (row, left, one)
        }
    }

    private static let rowHeight = 18.0
    /// Height of all rows of the legend except the first, px.
    private var furtherNames: Double { Self.rowHeight * Double(names.last?.row ?? 0) }
    private var size: SIMD2<Double> { SIMD2(640, 300 + furtherNames) }
    /// The edges of the area in which the curves are drawn if the legend has one row, px.
    private static let axes = (left: 76.0, top: 34.0, right: 628.0, bottom: 256.0)

    private static func dashes(_ series: Series) -> Markup {
        series.isDashed ? " stroke-dasharray=\"4 3\"" : ""
    }

    func draw() -> Markup {
        let scale = Scale(series, isLogarithmic: isLogarithmic)
        let size = size
        var frame = Self.axes
        frame.top += furtherNames
        frame.bottom += furtherNames
        func x(_ value: Double) -> Double {
            frame.left + (frame.right - frame.left) * scale.x(value)
        }
        func y(_ value: Double) -> Double {
            frame.bottom - (frame.bottom - frame.top) * scale.y(value)
        }
        let grid: [Markup] = scale.yTicks.map { tick in
            """
            <line x1="\(frame.left)" x2="\(frame.right)" y1="\(y(tick))" y2="\(y(tick))" stroke="currentColor" \
            stroke-opacity="0.15"/><text x="\(frame.left - 6)" y="\(y(tick) + 4)" text-anchor="end">\
            \(scale.label(tick))</text>

            """
        }
        let steps: [Markup] = scale.xTicks.map { tick in
            """
            <text x="\(x(tick))" y="\(frame.bottom + 18)" text-anchor="middle">\(Int(tick))</text>

            """
        }
        let curves: [Markup] = series.map { one in
            let points = one.points.map { "\(Markup.number(x($0.x))),\(Markup.number(y($0.y)))" }
            let limit: Markup =
                one.limit.map { limit in
                    guard scale.contains(y: limit) else { return "" }
                    return """
                        <line x1="\(x(one.points[0].x))" x2="\(x(one.points[one.points.count - 1].x))" \
                        y1="\(y(limit))" y2="\(y(limit))" stroke="\(one.colour)" stroke-dasharray="5 4"/>

                        """
                } ?? ""
            let marks: [Markup] =
                one.points.count > 150
                ? []
                : one.points.map {
                    "<circle cx=\"\(x($0.x))\" cy=\"\(y($0.y))\" r=\"2\" fill=\"\(one.colour)\"/>"
                }
            return """
                <polyline points="\(points.joined(separator: " "))" fill="none" stroke="\(one.colour)" \
                stroke-width="1.4"\(Self.dashes(one))/>\(marks)
                \(limit)
                """
        }
        let names: [Markup] = names.map { row, left, one in
            let y = 18 + Self.rowHeight * Double(row)
            return """
                <line x1="\(left)" x2="\(left + 14)" y1="\(y - 4)" y2="\(y - 4)" stroke="\(one.colour)" \
                stroke-width="4"\(Self.dashes(one))/><text x="\(left + 18)" y="\(y)">\(one.name)</text>

                """
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size.x) \(size.y)" role="img" \
            font-family="sans-serif" font-size="12" fill="currentColor"><title>\(title)</title>
            \(grid)\(steps)\(curves)\(names)\
            <path d="M\(frame.left) \(frame.top)V\(frame.bottom)H\(frame.right)" fill="none" \
            stroke="currentColor"/>
            <text x="\((frame.left + frame.right) / 2)" y="\(size.y - 8)" text-anchor="middle">step</text>
            <text transform="translate(14 \((frame.top + frame.bottom) / 2)) rotate(-90)" \
            text-anchor="middle">\(yLabel)</text>
            </svg>
            """
    }
}

/// Maps values to positions between 0 and 1 along an axis, and chooses the axis's ticks.
private struct Scale {
    private let xRange: ClosedRange<Double>
    private let yRange: ClosedRange<Double>
    private let isLogarithmic: Bool
    let xTicks: [Double]
    let yTicks: [Double]
    private let decimals: Int

    init(_ series: [LineChart.Series], isLogarithmic: Bool) {
        self.isLogarithmic = isLogarithmic
        let points = series.flatMap(\.points)
        let xs = points.map(\.x)
        let left = xs.min() ?? 0
        xRange = left...max(left + 1, xs.max() ?? 1)
        let values = points.map(\.y) + series.compactMap(\.limit)
        let (low, high) = (values.min() ?? 1, values.max() ?? 1)
        xTicks = Self.round(xRange, about: 8).filter { $0 == $0.rounded() }
        if isLogarithmic {
            let bottom = max(low, 1e-12)
            let (from, to) = (
                log10(bottom).rounded(.down), max(log10(bottom) + 0.1, log10(max(high, bottom)))
            )
            yRange = (log10(bottom) - 0.05)...(to + 0.05)
            var ticks: [Double] = []
            for power in Int(from)...Int(to.rounded(.up)) {
                for digit in [1.0, 2, 5] { ticks.append(digit * pow(10, Double(power))) }
            }
            let range = yRange
            yTicks = ticks.filter { range.contains(log10($0)) }
            decimals = 0
        } else {
            let margin = max((high - low) * 0.05, abs(high) * 1e-9, 1e-9)
            yRange = (low - margin)...(high + margin)
            yTicks = Self.round(yRange, about: 6)
            let gap = yTicks.count > 1 ? yTicks[1] - yTicks[0] : 1
            decimals = min(9, max(0, Int((-log10(gap)).rounded(.up))))
        }
    }

    func x(_ value: Double) -> Double {
        (value - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound)
    }

    func y(_ value: Double) -> Double {
        ((isLogarithmic ? log10(value) : value) - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
    }

    func contains(y value: Double) -> Bool { (0...1).contains(y(value)) }

    func label(_ tick: Double) -> String {
        // A zero that is the result of an addition may have a sign, which is not written.
        isLogarithmic
            ? String(format: "%g", tick)
            : String(format: "%.\(decimals)f", abs(tick) < pow(10, -Double(decimals)) / 2 ? 0 : tick)
    }

    /// Returns about `count` multiples of 1, 2 or 5 times a power of ten within a range.
    private static func round(_ range: ClosedRange<Double>, about count: Double) -> [Double] {
        let raw = (range.upperBound - range.lowerBound) / count
        let power = pow(10, log10(raw).rounded(.down))
        let gap = power * ([1.0, 2, 5, 10].first { $0 * power >= raw } ?? 10)
        let first = (range.lowerBound / gap).rounded(.up)
        let last = (range.upperBound / gap).rounded(.down)
        return first <= last ? stride(from: first, through: last, by: 1).map { $0 * gap } : []
    }
}

/// A figure of several drawings: a complete SVG file with its own background, readable in light and
/// dark mode.
struct FigureSheet {
    let width: Double
    let height: Double
    private var contents: [Markup] = []

    init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

    /// Fits an SVG element into a rectangle.
    mutating func add(_ drawing: Markup, x: Double, y: Double, width: Double, height: Double) {
        contents.append(
            "<svg x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\">\(drawing)</svg>\n")
    }

    /// Adds a line of text, centred at `x`.
    mutating func add(text: String, x: Double, y: Double) {
        contents.append("<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"middle\">\(text)</text>\n")
    }

    func svg(titled title: String) -> String {
        let sheet: Markup = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" role="img" \
            font-family="sans-serif" font-size="13" fill="currentColor"><title>\(title)</title>
            <style>\(Markup(raw: Self.style))</style>
            <rect class="paper" width="\(width)" height="\(height)" rx="8" fill="#fff"/>
            \(contents)</svg>

            """
        return sheet.text
    }

    /// Programs without support for media queries draw on white.
    private static let style = """
        :root{color:#1f2328}
        @media (prefers-color-scheme:dark){:root{color:#d1d7e0}.paper{fill:#161b22}}
        """
}

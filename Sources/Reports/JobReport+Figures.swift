import Atomistics
import Foundation

extension JobReport {
    /// The figures by file name, as complete SVG files.
    public var figures: [(name: String, svg: String)] {
        var all = curves.map { (name: $0, svg: $1.svg) }
        if let overview { all.insert(("overview", overview), at: 0) }
        return all
    }

    /// A figure of the initial and final structures, with a curve of the largest force along the path.
    private var overview: String? {
        guard let initial, let placed = placedFinal, let chart = curves.first?.chart else { return nil }
        let drawing = StructureDrawing(for: initial)
        var sheet = FigureSheet(width: 1100, height: 320)
        sheet.add(drawing.draw(initial, title: "As given"), x: 10, y: 6, width: 270, height: 276)
        sheet.add(text: "\(initial.formula), as given", x: 145, y: 302)
        sheet.add(drawing.draw(placed, title: "At the end"), x: 280, y: 6, width: 270, height: 276)
        sheet.add(text: "at the end", x: 415, y: 302)
        sheet.add(chart.draw(), x: 550, y: 22, width: 540, height: 276)
        return sheet.svg(titled: "\(name): \(verdict)")
    }

    /// The final structure superposed on the initial one, so that both are seen from the same side.
    var placedFinal: Atoms? {
        guard let initial, var last = final, let superposition = try? Superposition(of: last, on: initial)
        else {
            return final
        }
        last.positions = superposition.positions
        return last
    }
}

/// A figure of several drawings, as one complete SVG file. It has its own background, so it is readable in light and
/// dark mode.
struct FigureSheet {
    let width: Double
    let height: Double
    private var contents: [Markup] = []

    init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

    /// Adds an SVG element, fitted into a rectangle.
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

    /// The colours for light mode come first, because programs that do not support media queries draw on white.
    private static let style = """
        :root{color:#1f2328}
        @media (prefers-color-scheme:dark){:root{color:#d1d7e0}.paper{fill:#161b22}}
        """
}

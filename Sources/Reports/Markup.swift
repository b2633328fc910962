import Foundation

/// Text that is already markup. Other text is escaped when it is inserted into it.
public struct Markup: Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    public var text: String
    public var description: String { text }

    public init(raw: String) { text = raw }
    public init(stringLiteral value: String) { text = value }
    public init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

    public struct Interpolation: StringInterpolationProtocol {
        var text = ""
        public init(literalCapacity: Int, interpolationCount: Int) {}
        public mutating func appendLiteral(_ literal: String) { text += literal }
        public mutating func appendInterpolation(_ value: String) { text += Markup.escape(value) }
        /// Inserts text in which the parts of a unit (`eV/Å`) cannot be separated by a line break.
        public mutating func appendInterpolation(prose value: String) {
            text += Markup.escape(value).replacing("eV/Å", with: "<span class=\"unit\">eV/Å</span>")
        }
        public mutating func appendInterpolation(raw value: String) { text += value }
        public mutating func appendInterpolation(_ value: Int) { text += String(value) }
        public mutating func appendInterpolation(_ value: Double) { text += Markup.number(value) }
        public mutating func appendInterpolation(_ value: Markup) { text += value.text }
        public mutating func appendInterpolation(_ parts: [Markup]) {
            for part in parts { text += part.text }
        }
    }

    /// Formats a coordinate with two decimals, which is a hundredth of a pixel.
    static func number(_ value: Double) -> String { String(format: "%.2f", value) }

    /// Escapes text for elements and for attributes in double quotes.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += "\u{FFFD}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// Returns JavaScript for a script element. It is changed so that nothing in it can end the element or begin a
    /// comment.
    static func script(_ source: String) -> Markup {
        Markup(
            raw: source.replacing("</script", with: "<\\/script").replacing("<!--", with: "\\x3C!--"))
    }

    /// Returns JSON for a script element, without any `<`.
    static func json(_ source: String) -> Markup { Markup(raw: source.replacing("<", with: "\\u003C")) }

    static func table(head: [String], rows: [[String]]) -> Markup {
        """
        <table><thead><tr>\(head.map { "<th scope=\"col\">\(prose: $0)</th>" as Markup })</tr></thead>
        <tbody>\(rows.map { row in
            "<tr>\(row.map { "<td>\(prose: $0)</td>" as Markup })</tr>\n" as Markup
        })</tbody></table>
        """
    }
}

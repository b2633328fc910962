/// Writes values as YAML that every reader, whether of YAML 1.1 or 1.2, reads back unchanged.
public enum YAMLScalar {
    /// Writes text, unquoted if it is unambiguous, otherwise in quotation marks.
    public static func text(_ text: String) -> String {
        func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
        let isWord =
            text.utf8.first.map(isLetter) == true
            && text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || "-_.".utf8.contains($0) }
        return isWord && !taken.contains(text.lowercased()) ? text : quoted(text)
    }

    /// Writes text in quotation marks, with escapes for unprintable characters.
    public static func quoted(_ text: String) -> String {
        inQuotationMarks(text) { scalar in
            if scalar == "\t" { return "\\t" }
            if isPrintable(scalar) { return nil }
            return scalar.value > 0xFFFF
                ? "\\U" + hexadecimal(scalar, digits: 8) : "\\u" + hexadecimal(scalar, digits: 4)
        }
    }

    /// Writes JSON text in quotation marks.
    static func json(_ text: String) -> String {
        inQuotationMarks(text) { scalar in
            scalar.value < 0x20 ? "\\u" + hexadecimal(scalar, digits: 4).lowercased() : nil
        }
    }

    /// - Parameter escape: returns the escape for a character, or nil if it needs none. It is not called for quotation
    ///   marks, backslashes and line breaks.
    private static func inQuotationMarks(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default:
                if let replacement = escape(scalar) {
                    result += replacement
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar, digits: Int) -> String {
        let text = String(scalar.value, radix: 16, uppercase: true)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// Writes a number. One with an exponent has a decimal point, as YAML 1.1 requires.
    public static func number(_ value: Double) -> String {
        let text = value.description
        guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
        return "\(text[..<exponent]).0\(text[exponent...])"
    }

    /// Writes a text of several lines as the value after `key: `, as a block whose lines are indented by `indent`
    /// spaces. A text that cannot be a block becomes a scalar in quotation marks.
    public static func lines(_ text: String, indent: Int) -> String {
        let end = Array(text.utf8.suffix(2))
        let isBlock =
            end.count == 2 && end[1] == 10 && end[0] != 10
            && text.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || isPrintable($0) }
        guard isBlock else { return quoted(text) }
        let margin = String(repeating: " ", count: indent)
        let rows = text.utf8.dropLast().split(separator: 10, omittingEmptySubsequences: false)
        return "|\(indent)" + rows.map { "\n" + margin + String(decoding: $0, as: UTF8.self) }.joined()
    }

    /// Returns whether a character needs no escape in any YAML file or on any screen.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            false
        default: true
        }
    }

    /// Texts without quotation marks that YAML 1.1 or 1.2 reads as something other than text.
    private static let taken: Set<String> = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n",
    ]
}

/// Returns the candidate that the user most likely meant; nil if none is similar enough.
public func closest(to word: String, among candidates: [String]) -> String? {
    nearest(to: word, among: candidates).first
}

/// Returns the candidates that are most similar to the word; an empty list if none is similar enough.
func nearest(to word: String, among candidates: [String]) -> [String] {
    let bytes = Array(word.lowercased().utf8)
    guard bytes.count <= 64 else { return [] }
    var (limit, best): (Int, [String]) = (max(1, min(3, bytes.count / 2)), [])
    for candidate in candidates {
        let other = Array(candidate.lowercased().utf8)
        guard abs(other.count - bytes.count) <= limit else { continue }
        let distance = editDistance(bytes, other)
        if distance > limit { continue }
        if distance < limit { best = [] }
        limit = distance
        best.append(candidate)
    }
    return best
}

/// Returns the number of insertions, deletions, substitutions and swaps of neighbours between two words.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var (beforeLast, last) = ([Int](), Array(0...b.count))
    for i in 0..<a.count {
        var row = [i + 1]
        for j in 0..<b.count {
            var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}

extension YAMLNode {
    /// Returns a correction of a scalar that has the wrong type; nil if there is no obvious one.
    func hint(towards schema: ValueSchema) -> String? {
        guard case .scalar(let text, let isPlain) = content else { return nil }
        let plainNode = YAMLNode(content: .scalar(text, isPlain: true), mark: mark, width: width)
        switch schema {
        case .boolean:
            if !isPlain, plainNode.boolean != nil { return "remove the quotation marks" }
            switch text.lowercased() {
            case "yes", "on", "y": return "write true"
            case "no", "off", "n": return "write false"
            default: return nil
            }
        case .integer:
            if !isPlain, plainNode.integer != nil { return "remove the quotation marks" }
            guard let value = Self.meant(text), value == value.rounded(), abs(value) < 1e15 else {
                return nil
            }
            return "write \(Int(value))"
        case .number:
            if !isPlain, plainNode.number != nil { return "remove the quotation marks" }
            if let value = Self.meant(text) { return "write \(plain(value))" }
            let (start, rest) = Self.leadingNumber(text)
            return start == nil || rest.contains { $0.isNumber }
                ? nil : "write the number without its unit: \(plain(start ?? 0))"
        case .text, .choice, .list, .mapping, .dictionary, .either: return nil
        }
    }

    /// Returns the number that a user probably meant by a text of the wrong form, such as `1_000`, `0,1` or `1d-3`, or
    /// `1.0` for an integer; nil if the text is not close to a number.
    private static func meant(_ text: String) -> Double? {
        guard !text.isEmpty, text.utf8.count <= 40,
            text.utf8.allSatisfy({ "0123456789+-._,eEdD".utf8.contains($0) })
        else { return nil }
        var text = text.lowercased().replacing("_", with: "").replacing("d", with: "e")
        // Several commas probably separate thousands, so none of them is a decimal point.
        guard text.utf8.count(where: { $0 == UInt8(ascii: ",") }) <= 1 else { return nil }
        text = text.replacing(",", with: ".")
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    private static func leadingNumber(_ text: String) -> (Double?, Substring) {
        let digits = text.prefix { "0123456789+-.".contains($0) }
        return (Double(digits), text[digits.endIndex...])
    }
}

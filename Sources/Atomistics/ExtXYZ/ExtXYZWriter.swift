import OrderedCollections

extension ExtXYZ {
    /// Appends one frame. Reals are written with enough digits to read the same value back.
    public static func encode(_ atoms: Atoms, into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + atoms.count * 80 + 512)
        append(atoms.count, to: &bytes)
        bytes.append(newline)
        encodeComment(atoms, into: &bytes)
        bytes.append(newline)
        for i in 0..<atoms.count {
            bytes += atoms.elements[i].symbol.utf8
            let r = atoms.positions[i]
            for k in 0..<3 {
                bytes.append(space)
                append(r[k], to: &bytes)
            }
            for column in atoms.columns.values { encode(column, row: i, into: &bytes) }
            bytes.append(newline)
        }
    }

    private static let space = UInt8(ascii: " ")
    private static let newline = UInt8(ascii: "\n")

    private static func append(_ value: Int, to bytes: inout [UInt8]) { bytes += value.description.utf8 }

    private static func append(_ value: Double, to bytes: inout [UInt8]) {
        // The shortest digits that give the same value; `nan` and `inf` as C writes them.
        bytes += value.description.utf8
    }

    private static func encode(_ column: Column, row: Int, into bytes: inout [UInt8]) {
        let range = row * column.width..<(row + 1) * column.width
        switch column.values {
        case .real(let values):
            for k in range {
                bytes.append(space)
                append(values[k], to: &bytes)
            }
        case .integer(let values):
            for k in range {
                bytes.append(space)
                append(values[k], to: &bytes)
            }
        case .boolean(let values):
            for k in range { bytes += [space, values[k] ? UInt8(ascii: "T") : UInt8(ascii: "F")] }
        case .string(let values):
            for k in range {
                bytes.append(space)
                let word = values[k].utf8.map { $0 <= 0x20 ? UInt8(ascii: "_") : $0 }
                bytes += word.isEmpty ? [UInt8(ascii: "_")] : word
            }
        }
    }

    private static func encodeComment(_ atoms: Atoms, into bytes: inout [UInt8]) {
        var parts: [String] = []
        if let cell = atoms.cell {
            let numbers = [cell.a, cell.b, cell.c].flatMap { [$0.x, $0.y, $0.z] }
            parts.append("Lattice=\"\(joined(numbers))\"")
        }
        let columns = properties(atoms)
        parts.append("Properties=" + (isBare(columns) ? columns : quotation(columns)))
        for (key, value) in atoms.info { parts.append(pair(key, value)) }
        let p = atoms.periodicity
        parts.append("pbc=\"\(joined([p.a, p.b, p.c]))\"")
        bytes += parts.joined(separator: " ").utf8
    }

    private static func properties(_ atoms: Atoms) -> String {
        var text = "species:S:1:pos:R:3"
        for (name, column) in atoms.columns {
            let letter =
                switch column.values {
                case .real: "R"
                case .integer: "I"
                case .boolean: "L"
                case .string: "S"
                }
            let plain = String(name.map { $0 == ":" ? "_" : $0 })
            text += ":\(plain):\(letter):\(column.width)"
        }
        return text
    }

    private static func pair(_ key: String, _ value: InfoValue) -> String {
        (isBare(key) ? key : quotation(key)) + "=" + text(of: value)
    }

    /// Writes one-dimensional arrays in the older form `"1 2 3"`, which all readers know.
    private static func text(of value: InfoValue) -> String {
        switch value {
        // ASE reads a key without a value as true, but to libAtoms a line with such a key is no list of pairs.
        case .bare: "T"
        case .integer(let value): value.description
        case .real(let value): value.description
        case .boolean(let value): value ? "T" : "F"
        case .string(let value): text(of: value)
        case .integers(let values): array(values.map(\.description))
        case .reals(let values): array(values.map(\.description))
        case .booleans(let values): array(values.map { $0 ? "T" : "F" })
        case .strings(let values):
            values.isEmpty || !values.allSatisfy(hasNoControls)
                ? json("[\(values.map(jsonText).joined(separator: ", "))]")
                : "[\(values.map(quotation).joined(separator: ", "))]"
        case .integerRows(let rows): nested(rows.map { $0.map(\.description) })
        case .realRows(let rows): nested(rows.map { $0.map(jsonNumber) })
        case .booleanRows(let rows): nested(rows.map { $0.map { $0 ? "true" : "false" } })
        case .stringRows(let rows): nested(rows.map { $0.map(jsonText) })
        }
    }

    /// Writes text bare, in quotation marks, or as JSON: the first form that reads back as the same
    /// text.
    private static func text(of value: String) -> String {
        if isBare(value), InfoValue(word: value) == .string(value) { return value }
        // ASE reads the pair after an empty `key=""` as that key's value, and Python ends a line at
        // a carriage return.
        if !value.isEmpty, hasNoControls(value), InfoValue(quoted: value) == .string(value) {
            return quotation(value)
        }
        return json(jsonText(value))
    }

    /// Returns true if the text has no control characters except line feed and tab, which every reader accepts.
    private static func hasNoControls(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 || $0 == 9 }
    }

    private static func array(_ words: [String]) -> String {
        switch words.count {
        case 0: json("[]")
        case 1: "[\(words[0])]"
        default: "\"\(words.joined(separator: " "))\""
        }
    }

    private static func joined(_ values: [some CustomStringConvertible]) -> String {
        values.map(\.description).joined(separator: " ")
    }

    private static func joined(_ values: [Bool]) -> String {
        values.map { $0 ? "T" : "F" }.joined(separator: " ")
    }

    /// Writes a two-dimensional array in the same form as ASE.
    private static func nested(_ rows: [[String]]) -> String {
        json("[" + rows.map { "[\($0.joined(separator: ", "))]" }.joined(separator: ", ") + "]")
    }

    private static func json(_ text: String) -> String { quotation("_JSON " + text) }

    private static func jsonNumber(_ value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.description
    }

    /// Writes text as a JSON string, in which control characters are escaped, too.
    private static func jsonText(_ text: String) -> String { escaped(text, controls: true) }

    /// Returns true if the text needs no quotation marks.
    private static func isBare(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                0x21...0x7E ~= byte && !"=\"\\,[]{}'".utf8.contains(byte)
            }
    }

    private static func quotation(_ text: String) -> String { escaped(text, controls: false) }

    private static func escaped(_ text: String, controls: Bool) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where controls && scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// What each token of an atom's line is: `species:S:1:pos:R:3:forces:R:3`.
struct ColumnLayout: Equatable {
    enum Kind: Character { case string = "S", real = "R", integer = "I", boolean = "L" }

    struct Field: Equatable {
        var name: String
        var kind: Kind
        var width: Int
    }

    var fields: [Field]
    /// More values an atom than this are refused.
    static let maxWidth = 10_000
    /// Tokens of a line.
    var width: Int { fields.reduce(0) { $0 + $1.width } }

    /// Symbols of the elements.
    var hasSpecies: Bool { fields.contains(Field(name: "species", kind: .string, width: 1)) }
    /// Atomic numbers: they stand for the symbols where there are none.
    var hasNumbers: Bool { fields.contains(Field(name: "Z", kind: .integer, width: 1)) }

    /// Plain XYZ.
    static let plain = ColumnLayout(fields: [
        Field(name: "species", kind: .string, width: 1), Field(name: "pos", kind: .real, width: 3),
    ])

    init(fields: [Field]) { self.fields = fields }

    /// - Parameter offset: of the value in its line, for the fault.
    init(_ properties: String, at offset: Int) throws(LineFault) {
        let parts = properties.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count % 3 == 0, !parts.isEmpty else {
            throw LineFault(
                "Properties has \(parts.count) parts, not three a column", at: offset,
                hint: "name:type:count for each, as in species:S:1:pos:R:3")
        }
        fields = []
        var names: Set<String> = []
        for i in stride(from: 0, to: parts.count, by: 3) {
            guard let letter = parts[i + 1].first, parts[i + 1].count == 1,
                let kind = Kind(rawValue: letter)
            else {
                throw LineFault(
                    "column \(quoted(parts[i].utf8)) has the type \(quoted(parts[i + 1].utf8))",
                    at: offset, hint: "S for text, R for real, I for integer, L for logical")
            }
            guard let width = Int(parts[i + 2]), (1...Self.maxWidth).contains(width) else {
                throw LineFault(
                    "column \(quoted(parts[i].utf8)) has the width \(quoted(parts[i + 2].utf8))",
                    at: offset, hint: "a number from 1 to \(Self.maxWidth)")
            }
            guard !parts[i].isEmpty, names.insert(parts[i]).inserted else {
                throw LineFault("column \(quoted(parts[i].utf8)) stands twice or has no name", at: offset)
            }
            fields.append(Field(name: parts[i], kind: kind, width: width))
        }
        guard self.width <= Self.maxWidth else {
            throw LineFault("\(self.width) values an atom are more than \(Self.maxWidth)", at: offset)
        }
        let needed = "every frame needs species:S:1 (or Z:I:1) and pos:R:3"
        guard hasSpecies || hasNumbers else {
            throw LineFault("Properties has no species:S:1", at: offset, hint: needed)
        }
        guard fields.contains(Field(name: "pos", kind: .real, width: 3)) else {
            throw LineFault("Properties has no pos:R:3", at: offset, hint: needed)
        }
        if let mask = fields.first(where: { $0.name == "move_mask" }) {
            guard mask.kind != .string, mask.width == 1 || mask.width == 3 else {
                throw LineFault(
                    "move_mask is \(mask.kind.rawValue):\(mask.width)", at: offset,
                    hint: "move_mask:L:1 (or I:1), or one value an axis: move_mask:L:3")
            }
        }
    }
}

/// The meaning of each token in an atom's line: `species:S:1:pos:R:3:forces:R:3`.
struct ColumnLayout: Equatable {
    enum Kind: Character { case string = "S", real = "R", integer = "I", boolean = "L" }

    struct Field: Equatable {
        var name: String
        var kind: Kind
        var width: Int
    }

    var fields: [Field]
    /// The largest number of values per atom that is accepted.
    static let maxWidth = 10_000
    /// Number of tokens in a line.
    var width: Int { fields.reduce(0) { $0 + $1.width } }

    /// Whether there is a column of element symbols.
    var hasSpecies: Bool { fields.contains(Field(name: "species", kind: .string, width: 1)) }
    /// Whether there is a column of atomic numbers, which is used if there are no symbols.
    var hasNumbers: Bool { fields.contains(Field(name: "Z", kind: .integer, width: 1)) }

    /// The layout of plain XYZ.
    static let plain = ColumnLayout(fields: [
        Field(name: "species", kind: .string, width: 1), Field(name: "pos", kind: .real, width: 3),
    ])

    init(fields: [Field]) { self.fields = fields }

    /// - Parameter offset: offset of the value in its line, for error messages.
    init(_ properties: String, at offset: Int) throws(LineFault) {
        let parts = properties.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count % 3 == 0, !parts.isEmpty else {
            throw LineFault(
                "Properties has \(parts.count) parts, which is not three per column", at: offset,
                hint: "write name:type:count for each column, as in species:S:1:pos:R:3")
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
                throw LineFault("column \(quoted(parts[i].utf8)) appears twice or has no name", at: offset)
            }
            fields.append(Field(name: parts[i], kind: kind, width: width))
        }
        guard self.width <= Self.maxWidth else {
            throw LineFault(
                "\(self.width) values per atom are more than the limit of \(Self.maxWidth)", at: offset)
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
                    hint: "write move_mask:L:1 (or I:1), or one value per axis: move_mask:L:3")
            }
        }
    }
}

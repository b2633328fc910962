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
        func require(_ name: String, _ kind: Kind, _ width: Int) throws(LineFault) {
            guard fields.contains(Field(name: name, kind: kind, width: width)) else {
                throw LineFault(
                    "Properties has no \(name):\(kind.rawValue):\(width)", at: offset,
                    hint: "every frame needs species:S:1 and pos:R:3")
            }
        }
        try require("species", .string, 1)
        try require("pos", .real, 3)
    }
}

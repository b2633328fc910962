/// What is wrong with an XYZ or extended XYZ file, and where.
public struct ExtXYZError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The label of the source.
    public var file: String
    /// 1-based; 0 where the fault is the file's as a whole.
    public var line: Int
    /// 1-based, in bytes; 0 where the fault is the line's as a whole.
    public var column: Int
    public var message: String
    /// What to do about it.
    public var hint: String?

    public init(file: String, line: Int = 0, column: Int = 0, message: String, hint: String? = nil) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
    }

    /// `ring4.xyz:3:17: message (hint)`.
    public var description: String {
        var place = printable(file)
        if line > 0 { place += ":\(line)" }
        if column > 0 { place += ":\(column)" }
        return "\(place): \(message)" + (hint.map { " (\($0))" } ?? "")
    }
}

/// How to read where the format leaves a choice, and how much at most.
public struct ExtXYZReadOptions: Sendable, Equatable {
    /// What the rows of a nested `Lattice=[[…],[…],[…]]` are. Readers disagree, so one that is not
    /// symmetric is refused unless the caller says.
    public enum NestedLattice: Sendable { case refused, vectorsAsRows, vectorsAsColumns }

    public var nestedLattice: NestedLattice
    /// A frame that says it has more atoms is refused before anything is allocated for them.
    public var maxAtoms: Int
    /// Bytes.
    public var maxLineLength: Int
    /// Bytes of the whole source.
    public var maxBytes: Int

    public init(
        nestedLattice: NestedLattice = .refused, maxAtoms: Int = 10_000_000,
        maxLineLength: Int = 1 << 24, maxBytes: Int = .max
    ) {
        self.nestedLattice = nestedLattice
        self.maxAtoms = maxAtoms
        self.maxLineLength = maxLineLength
        self.maxBytes = maxBytes
    }
}

/// A fault within one line, before file and line number are known.
struct LineFault: Error {
    /// 0-based byte offset in the line, nil for the line as a whole.
    var offset: Int?
    var message: String
    var hint: String?

    init(_ message: String, at offset: Int?, hint: String? = nil) {
        self.message = message
        self.offset = offset
        self.hint = hint
    }
}

/// Text from a file as a message may show it: short and printable.
func quoted(_ bytes: some Sequence<UInt8>) -> String {
    let start = Array(bytes.prefix(41))
    let text = printable(String(decoding: start.prefix(40), as: UTF8.self))
    return start.count > 40 ? "‘\(text)…’" : "‘\(text)’"
}

/// Without characters that move the cursor, turn the direction of writing or are not seen.
private func printable(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate:
            shown.append("?")
        default: shown.append(scalar)
        }
    }
    return String(shown)
}

/// An error in an XYZ or extended XYZ file, with its place.
public struct ExtXYZError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The name of the source in messages.
    public var file: String
    /// 1-based line number; 0 if the error concerns the whole file.
    public var line: Int
    /// 1-based column in bytes; 0 if the error concerns the whole line.
    public var column: Int
    public var message: String
    /// Advice for the user; nil if there is none.
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

/// Options of the reader: the interpretation of ambiguous values, and upper limits.
public struct ExtXYZReadOptions: Sendable, Equatable {
    /// The meaning of the rows of a nested `Lattice=[[…],[…],[…]]`. Programs disagree on it, so a matrix that is not
    /// symmetric is refused unless the caller chooses a meaning.
    public enum NestedLattice: Sendable { case refused, vectorsAsRows, vectorsAsColumns }

    public var nestedLattice: NestedLattice
    /// Largest accepted number of atoms; a frame that claims more is refused before memory is allocated for it.
    public var maxAtoms: Int
    /// Longest accepted line, bytes.
    public var maxLineLength: Int
    /// Largest accepted source, bytes.
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

/// An error within one line, before the file and the line number are known.
struct LineFault: Error {
    /// 0-based byte offset of the error in its line; nil if it concerns the whole line.
    var offset: Int?
    var message: String
    var hint: String?

    init(_ message: String, at offset: Int?, hint: String? = nil) {
        self.message = message
        self.offset = offset
        self.hint = hint
    }
}

/// Returns text from a file in a short, printable form for messages.
func quoted(_ bytes: some Sequence<UInt8>) -> String {
    let start = Array(bytes.prefix(41))
    let text = printable(String(decoding: start.prefix(40), as: UTF8.self))
    return start.count > 40 ? "‘\(text)…’" : "‘\(text)’"
}

/// Replaces characters that move the cursor, change the writing direction, are invisible or have no assigned meaning
/// by `?`.
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

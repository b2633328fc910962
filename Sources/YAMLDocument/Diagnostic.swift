/// A place in a text. Line and column are counted from 1, columns in Unicode scalars.
public struct TextMark: Sendable, Hashable, Codable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A message about a mistake in a file, for the file's author. It does not name the file; the code that shows the
/// message adds the name.
public struct Diagnostic: Sendable, Equatable, Codable {
    public enum Severity: String, Sendable, Codable { case error, warning }

    public var severity: Severity
    /// A code for programs: `unknown-key`, `wrong-type`, `out-of-range`, …
    public var code: String
    /// The place of the error; nil if the message concerns the whole file.
    public var mark: TextMark?
    /// Number of Unicode scalars that the caret line marks.
    public var width: Int
    /// Path of the key that the message concerns, such as `stages[0].ml.fmax`; empty for the document itself.
    public var keyPath: String
    public var message: String
    public var hint: String?

    public init(
        _ severity: Severity = .error, code: String, at mark: TextMark?, width: Int = 1,
        keyPath: String = "", message: String, hint: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.mark = mark
        self.width = max(1, width)
        self.keyPath = keyPath
        self.message = message
        self.hint = hint
    }
}

extension Sequence<Diagnostic> {
    public var hasErrors: Bool { contains { $0.severity == .error } }
}

/// Renders diagnostics for users: place, message, the line with a caret below, a hint.
public struct DiagnosticRenderer: Sendable {
    /// Largest number of diagnostics that are shown; the others are counted.
    public static let most = 100

    private let file: String
    private let source: [UInt8]

    /// - Parameters:
    ///   - file: the file's name in messages.
    ///   - source: the file's text, in any encoding similar to UTF-8.
    public init(file: String, source: [UInt8]) {
        self.file = harmless(file)
        self.source = Array(source.withoutByteOrderMark)
    }

    /// Renders diagnostics in the order of their places.
    public func render(_ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        let start = TextMark(line: 0, column: 0)
        let shown = diagnostics.sorted { ($0.mark ?? start) < ($1.mark ?? start) }.prefix(Self.most)
        let lines = SourceLines(Set(shown.compactMap(\.mark?.line)), of: source)
        var text = shown.map { render($0, lines) }.joined()
        if diagnostics.count > shown.count {
            text += "\(file): and \(diagnostics.count - shown.count) more\n"
        }
        return text
    }

    public func render(_ diagnostic: Diagnostic) -> String { render([diagnostic]) }

    private func render(_ diagnostic: Diagnostic, _ lines: SourceLines) -> String {
        var place = file
        if let mark = diagnostic.mark { place += ":\(mark.line):\(mark.column)" }
        var text = "\(place): \(diagnostic.severity.rawValue): \(harmless(diagnostic.message))\n"
        if let mark = diagnostic.mark, let line = lines[mark.line] {
            let excerpt = Excerpt(line, column: mark.column, width: diagnostic.width)
            text += "  \(excerpt.line)\n  \(String(repeating: " ", count: excerpt.indent))^"
            text += String(repeating: "~", count: excerpt.width - 1) + "\n"
        }
        if let hint = diagnostic.hint { text += "  hint: \(harmless(hint))\n" }
        return text
    }
}

/// Finds the requested lines of a text in one pass.
private struct SourceLines {
    private var lines: [Int: ArraySlice<UInt8>] = [:]

    init(_ wanted: Set<Int>, of source: [UInt8]) {
        var (number, start) = (1, 0)
        for line in wanted.sorted() {
            while number < line, start < source.count {
                let end = source.endOfLine(from: start)
                guard end < source.count else { return }
                start = end + source.lineBreakLength(at: end)
                number += 1
            }
            guard number == line else { return }
            lines[line] = source[start..<source.endOfLine(from: start)]
        }
    }

    subscript(_ number: Int) -> String? {
        lines[number].map { String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    /// The line without a byte-order mark, which some Windows editors write; the mark is not part of the text and takes
    /// no column.
    var withoutByteOrderMark: ArraySlice<UInt8> {
        starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self[...]
    }
}

/// Line breaks as YAML 1.1 and libyaml count them.
extension [UInt8] {
    /// Returns the length of the line break at this offset, bytes; 0 if there is none. Line breaks are LF, CR, CR LF,
    /// NEL, LS and PS.
    func lineBreakLength(at index: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 { index + offset < count ? self[index + offset] : 0 }
        return switch byte(0) {
        case 0x0A: 1
        case 0x0D: byte(1) == 0x0A ? 2 : 1
        case 0xC2: byte(1) == 0x85 ? 2 : 0
        case 0xE2: byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9) ? 3 : 0
        default: 0
        }
    }

    func isStartOfLine(_ index: Int) -> Bool {
        index == 0 || (1...3).contains { $0 <= index && lineBreakLength(at: index - $0) == $0 }
    }

    /// Returns the offset of the first line break at or after `start`; without one, the length of the text.
    func endOfLine(from start: Int) -> Int {
        var index = start
        while index < count, lineBreakLength(at: index) == 0 { index += 1 }
        return index
    }
}

/// A line of a file as a terminal shows it. A long line is shortened to the part around a column.
private struct Excerpt {
    let line: String
    /// Terminal columns before the caret.
    let indent: Int
    /// Terminal columns under the caret.
    let width: Int

    init(_ text: String, column: Int, width: Int) {
        let scalars = text.unicodeScalars
        let first = max(0, column - 1 - 80)
        let shown = scalars.dropFirst(first).prefix(120)
        let before = shown.prefix(column - 1 - first)
        let covered = shown.dropFirst(before.count).prefix(width)
        line = harmless(String(shown))
        indent = displayWidth(harmless(String(before)))
        self.width = max(1, displayWidth(harmless(String(covered))))
    }
}

/// Returns the text with escapes such as `\u{202E}` for characters that move the cursor or change the writing
/// direction. A tab becomes one space.
public func harmless(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            result += scalar == "\t" ? " " : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Returns the beginning of a text, short enough for a message.
func brief(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(60)
    return start.endIndex == text.unicodeScalars.endIndex ? text : "\(String(start))…"
}

/// Returns the width in terminal columns: East Asian wide characters take two columns, combining marks none.
private func displayWidth(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { width, scalar in
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return width
        default: break
        }
        return switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            width + 2
        default: width + 1
        }
    }
}

import Atomistics
public import YAMLDocument

/// The keys of a job file, schema version 1, with the types of their values. The options of each
/// stage are declared beside the stage's type.
public enum JobSchema {
    public static let version = 1

    public static let job = Job.options.schema

    /// The schemas that have a table in the documentation, each with its name.
    public static let tables = [
        ("job", job), ("ml", MLStage.options.schema), ("dft", DFTStage.options.schema),
        ("hybrid", HybridStage.options.schema), ("single-points", SinglePointsStage.options.schema),
        ("gpaw", GPAWSettings.options.schema),
    ]

    public static var jsonSchema: String {
        job.jsonSchema(title: "aurelax job", id: "https://aurelax.invalid/schema/job-1.json")
    }

    static let namePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

    @Sendable static func checkName(_ text: String) -> TextProblem? {
        if !Job.isName(text) {
            return TextProblem(
                "‘\(text.prefix(80))’ cannot be the name of a job",
                hint: "letters, digits, ‘-’, ‘_’ and ‘.’ only, beginning with a letter or digit, at most 64")
        }
        return text == "rejected"
            ? TextProblem("‘rejected’ is taken", hint: "it is the folder of refused jobs") : nil
    }

    @Sendable static func checkStructure(_ text: String) -> TextProblem? {
        if text.allSatisfy(\.isWhitespace) {
            return TextProblem("the structure is empty; expected the name of its file, or its text")
        }
        if text.contains(where: \.isNewline) {
            return text.unicodeScalars.allSatisfy { isPlain($0) || $0 == "\t" || isNewline($0) }
                ? nil : TextProblem("the structure's text has control characters")
        }
        let hint =
            "give the name of a file beside the job file, without a folder, or text after ‘structure: |’"
        if text.contains("/") || text == ".." || text == "." {
            return TextProblem(
                "‘\(text.prefix(80))’ is not the name of a file beside the job file", hint: hint)
        }
        if text.hasPrefix(".") {
            return TextProblem("‘\(text.prefix(80))’ is a hidden file", hint: hint)
        }
        guard text.utf8.count <= 255, text.unicodeScalars.allSatisfy(isPlain)
        else { return TextProblem("this is not the name of a file", hint: hint) }
        return nil
    }

    private static func isNewline(_ scalar: Unicode.Scalar) -> Bool { Character(scalar).isNewline }

    /// Returns true for a character that is visible, does not move the text around it, and needs no escape in YAML.
    @Sendable private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    @Sendable static func checkModel(_ text: String) -> TextProblem? {
        Job.isName(text) ? nil : TextProblem("‘\(text.prefix(80))’ is not the name of a model")
    }

    @Sendable static func checkEngine(_ text: String) -> TextProblem? {
        Job.isName(text)
            ? nil
            : TextProblem(
                "‘\(text.prefix(80))’ cannot be the name of an engine",
                hint: "use a name under ‘engines’ in the spool's aurelax.yaml")
    }

    @Sendable static func checkElement(_ text: String) -> TextProblem? {
        if Element(symbol: text) != nil { return nil }
        let spelled = text.prefix(1).uppercased() + text.dropFirst().lowercased()
        let hint = Element(symbol: spelled).map { "did you mean ‘\($0.symbol)’?" } ?? "a symbol, such as Au"
        return TextProblem("‘\(text.prefix(40))’ is not the symbol of an element", hint: hint)
    }

    /// Checks a name of GPAW: `dzp`, `sz(dzp)`, `GLLBSC`, `mgga_x_tpss+mgga_c_tpss`.
    @Sendable static func checkWord(_ text: String) -> TextProblem? {
        let isWord =
            !text.isEmpty && text.utf8.count <= 80
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "()+-_.:".utf8.contains(byte)
            }
        return isWord
            ? nil : TextProblem("‘\(text.prefix(80))’ has characters that are not allowed in such a name")
    }
}

extension Job {
    /// Returns true for a name of letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at
    /// most 64.
    public static func isName(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return text.utf8.count <= 64 && text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }
}

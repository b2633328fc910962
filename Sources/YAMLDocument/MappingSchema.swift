/// The allowed values of a key.
public indirect enum ValueSchema: Sendable {
    case integer(ClosedRange<Int>)
    /// A finite number in a range; if `open`, the lower end of the range is not allowed.
    case number(ClosedRange<Double>, open: Bool = false)
    case boolean
    /// A text. `check` returns the problem of a text, or nil if it has none.
    case text(pattern: String? = nil, check: @Sendable (String) -> TextProblem? = { _ in nil })
    case choice([String])
    case list(ValueSchema, count: ClosedRange<Int> = 0...10_000)
    case mapping(MappingSchema)
    /// A mapping whose keys are data, such as element symbols. `check` returns the problem of a key, or nil if it has
    /// none.
    case dictionary(ValueSchema, what: String, check: @Sendable (String) -> TextProblem?)
    /// One of several forms; `what` is what messages call them together. With an empty list of forms any value is
    /// allowed, and the code that reads the value checks it.
    case either([ValueSchema], what: String)
}

/// An error in a text, and a hint.
public struct TextProblem: Sendable {
    public var message: String
    public var hint: String?

    public init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// One key of a mapping.
public struct KeySchema: Sendable {
    public var name: String
    public var value: ValueSchema
    /// A sentence about the effect of the value, without the unit.
    public var sentence: String
    /// The unit that ends the sentence, as in "…, eV/Å."; nil if there is none or the sentence itself names it.
    public var unit: String?
    public var isRequired: Bool
    /// The default as it is written in a file; nil if there is none.
    public var defaultText: String?

    public init(
        _ name: String, _ value: ValueSchema, required: Bool = false, default defaultText: String? = nil,
        _ sentence: String, unit: String? = nil
    ) {
        self.name = name
        self.value = value
        (self.sentence, self.unit) = (sentence, unit)
        isRequired = required
        self.defaultText = defaultText
    }

    /// The sentence and the unit, for the documentation.
    public var summary: String {
        guard let unit else { return sentence }
        return (sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence) + ", \(unit)."
    }
}

/// The keys of a mapping. Validation with its messages, the documentation and the JSON Schema are made from them.
///
///     let schema = MappingSchema([KeySchema("fmax", .number(0...100, open: true), default: "0.1", "…")])
///     let (root, faults) = YAMLNode.parse(bytes)
///     let diagnostics = faults + (root.map { schema.problems(of: $0) } ?? [])
///
/// A node without problems has every required key, and every value has the described form.
public struct MappingSchema: Sendable {
    public var keys: [KeySchema]
    /// Whether exactly one of the keys must be present, instead of any number of them.
    public var isChoice: Bool

    public init(_ keys: [KeySchema], isChoice: Bool = false) {
        self.keys = keys
        self.isChoice = isChoice
    }
}

extension ValueSchema {
    /// The form of a value in words, for messages and documentation: `a number from 0 to 1`.
    public var what: String {
        switch self {
        case .integer(let range):
            range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "an integer\(bounds(range))"
        case .number(let range, let open): "a number\(bounds(range, open: open))"
        case .boolean: "true or false"
        case .text: "text"
        case .choice(let words): words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
        case .list: "a list"
        case .mapping: "a mapping of keys to values"
        case .dictionary(_, let what, _): what
        case .either(_, let what): what
        }
    }

    private func bounds(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): ""
        case (let low, .max): " of at least \(low)"
        case (.min, let high): " of at most \(high)"
        case (let low, let high): " from \(low) to \(high)"
        }
    }

    private func bounds(_ range: ClosedRange<Double>, open: Bool) -> String {
        let (low, high) = (plain(range.lowerBound), plain(range.upperBound))
        return switch (range.lowerBound > -Self.boundless, range.upperBound < Self.boundless) {
        case (false, false): ""
        case (false, true): " of at most \(high)"
        case (true, false): open ? " above \(low)" : " of at least \(low)"
        case (true, true): open ? " above \(low) and at most \(high)" : " from \(low) to \(high)"
        }
    }

    /// A bound of at least this size means that the range has no bound on that side.
    static let boundless = 1e300
}

/// Formats a number without a redundant `.0`.
func plain(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
}

/// An option: its key, its allowed values, its default, a sentence about it, and the property that it sets.
///
/// Validation, reading, writing, storage, JSON Schema, the tables of the documentation and the flags of the
/// command line follow from this one declaration:
///
///     OptionSpec("fmax", \.fmax, .number(0...100, open: true), unit: "eV/Å", "Converged below this force.")
public struct OptionSpec<Settings: Sendable>: Sendable {
    public var schema: KeySchema
    let read: @Sendable (YAMLNode, inout Settings) -> Void
    /// Returns the option's value as text; nil if the option is not written for these settings.
    let text: @Sendable (Settings) -> OptionText?
    /// Returns the reason why the option has no effect with these settings; nil if it has an effect. An option without
    /// effect is neither read nor written, so that settings with the same effect are equal.
    let idle: @Sendable (Settings) -> String?
    /// Converts a command-line argument to a node. If the option is a list, the argument and the node are one element
    /// of it.
    public private(set) var argument: @Sendable (String) -> YAMLNode?
    /// A sentence about the syntax of an argument; nil if it is the same as in a file.
    public private(set) var argumentHelp: String?
    var storage: Storage?

    /// The way in which stores and task files keep the value.
    struct Storage: Sendable {
        var key: String
        var decode: @Sendable (KeyedDecodingContainer<OptionCodingKey>, inout Settings) throws -> Void
        var encode: @Sendable (inout KeyedEncodingContainer<OptionCodingKey>, Settings) throws -> Void
    }

    public var key: String { schema.name }

    /// - Parameters:
    ///   - required: whether the key must be present.
    ///   - default: the default in words; nil if it is the property's value in the table's default settings.
    ///   - unit: the unit that ends the sentence, as in "…, eV/Å."
    ///   - stored: the key in JSON; nil if it is the option's key in camel case.
    ///   - idle: returns the reason why the option has no effect; in its argument, all preceding options have their
    ///     values.
    public init<Value: Codable & Sendable>(
        _ key: String, _ path: any WritableKeyPath<Settings, Value> & Sendable, _ form: OptionForm<Value>,
        required: Bool = false, default words: String? = nil, unit: String? = nil, stored: String? = nil,
        _ sentence: String, idle: @escaping @Sendable (Settings) -> String? = { _ in nil }
    ) {
        schema = KeySchema(key, form.schema, required: required, default: words, sentence, unit: unit)
        read = { node, settings in
            if let value = form.read(node, settings[keyPath: path]) { settings[keyPath: path] = value }
        }
        text = { form.text($0[keyPath: path]) }
        self.idle = idle
        (argument, argumentHelp) = (form.argument, form.argumentHelp)
        storage = Storage(
            key: stored ?? camelCase(key),
            decode: { container, settings in
                let key = OptionCodingKey(stored ?? camelCase(key))
                settings[keyPath: path] =
                    try container.decodeIfPresent(Value.self, forKey: key) ?? settings[keyPath: path]
            },
            encode: { container, settings in
                let key = OptionCodingKey(stored ?? camelCase(key))
                try container.encode(settings[keyPath: path], forKey: key)
            })
    }

    /// Makes an option for a property that may be nil. Nil is not written.
    public init<Value: Codable & Sendable>(
        _ key: String, _ path: any WritableKeyPath<Settings, Value?> & Sendable, _ form: OptionForm<Value>,
        required: Bool = false, default words: String? = nil, unit: String? = nil, stored: String? = nil,
        _ sentence: String, idle: @escaping @Sendable (Settings) -> String? = { _ in nil }
    ) {
        schema = KeySchema(key, form.schema, required: required, default: words, sentence, unit: unit)
        read = { node, settings in
            if let value = form.read(node, settings[keyPath: path]) { settings[keyPath: path] = value }
        }
        text = { $0[keyPath: path].map(form.text) }
        self.idle = idle
        (argument, argumentHelp) = (form.argument, form.argumentHelp)
        storage = Storage(
            key: stored ?? camelCase(key),
            decode: { container, settings in
                let key = OptionCodingKey(stored ?? camelCase(key))
                settings[keyPath: path] = try container.decodeIfPresent(Value.self, forKey: key)
            },
            encode: { container, settings in
                let key = OptionCodingKey(stored ?? camelCase(key))
                try container.encodeIfPresent(settings[keyPath: path], forKey: key)
            })
    }

    /// Makes an option that stores and task files do not keep.
    public init<Value: Sendable>(
        _ key: String, unstored path: any WritableKeyPath<Settings, Value> & Sendable,
        _ form: OptionForm<Value>,
        required: Bool = false, default words: String? = nil, unit: String? = nil, _ sentence: String
    ) {
        self.init(
            key, schema: form.schema, required: required, default: words, unit: unit, sentence,
            text: { form.text($0[keyPath: path]) }
        ) { node, settings in
            if let value = form.read(node, settings[keyPath: path]) { settings[keyPath: path] = value }
        }
        (argument, argumentHelp) = (form.argument, form.argumentHelp)
    }

    /// Makes an option for a property that may be nil, which stores and task files do not keep.
    public init<Value: Sendable>(
        _ key: String, unstored path: any WritableKeyPath<Settings, Value?> & Sendable,
        _ form: OptionForm<Value>,
        required: Bool = false, default words: String? = nil, unit: String? = nil, _ sentence: String
    ) {
        self.init(
            key, schema: form.schema, required: required, default: words, unit: unit, sentence,
            text: { $0[keyPath: path].map(form.text) }
        ) { node, settings in
            if let value = form.read(node, settings[keyPath: path]) { settings[keyPath: path] = value }
        }
        (argument, argumentHelp) = (form.argument, form.argumentHelp)
    }

    /// Makes an option that sets several properties, or one property in a special way. It is read but never written.
    public init(
        _ key: String, schema value: ValueSchema, required: Bool = false, default words: String? = nil,
        unit: String? = nil, _ sentence: String, read: @escaping @Sendable (YAMLNode, inout Settings) -> Void
    ) {
        self.init(
            key, schema: value, required: required, default: words, unit: unit, sentence, text: { _ in nil },
            read: read)
    }

    private init(
        _ key: String, schema value: ValueSchema, required: Bool, default words: String?, unit: String?,
        _ sentence: String, text: @escaping @Sendable (Settings) -> OptionText?,
        read: @escaping @Sendable (YAMLNode, inout Settings) -> Void
    ) {
        schema = KeySchema(key, value, required: required, default: words, sentence, unit: unit)
        (self.read, self.text, idle) = (read, text, { _ in nil })
        argument = { YAMLNode(argument: $0) }
    }

    private init(
        schema: KeySchema, argument: @escaping @Sendable (String) -> YAMLNode?,
        idle: @escaping @Sendable (Settings) -> String?, text: @escaping @Sendable (Settings) -> OptionText?,
        read: @escaping @Sendable (YAMLNode, inout Settings) -> Void
    ) {
        (self.schema, self.argument, self.idle) = (schema, argument, idle)
        (self.text, self.read) = (text, read)
    }

    /// Returns the same option, which additionally applies `effect` to the settings if its key is present.
    public func also(_ effect: @escaping @Sendable (inout Settings) -> Void) -> Self {
        var option = Self(schema: schema, argument: argument, idle: idle, text: text) { node, settings in
            read(node, &settings)
            effect(&settings)
        }
        (option.storage, option.argumentHelp) = (storage, argumentHelp)
        return option
    }

    /// Returns the same option, which is written only for settings that fulfil a condition.
    public func written(if isWritten: @escaping @Sendable (Settings) -> Bool) -> Self {
        var option = Self(
            schema: schema, argument: argument, idle: idle, text: { isWritten($0) ? text($0) : nil },
            read: read)
        (option.storage, option.argumentHelp) = (storage, argumentHelp)
        return option
    }

    /// The same option without a storage of its own, because its value is stored together with another option's.
    public var storedWithAnother: Self {
        var option = self
        option.storage = nil
        return option
    }

    /// Returns the same option for a type that contains these settings.
    public func of<Outer: Sendable>(
        _ path: any WritableKeyPath<Outer, Settings> & Sendable
    ) -> OptionSpec<Outer> {
        OptionSpec<Outer>(
            schema: schema, argument: argument, idle: { idle($0[keyPath: path]) },
            text: { text($0[keyPath: path]) }, read: { read($0, &$1[keyPath: path]) })
    }
}

/// The options of a mapping, in the order of the documentation.
public struct OptionTable<Settings: Sendable>: Sendable {
    public let options: [OptionSpec<Settings>]
    /// The settings that a mapping without any key gives.
    public let defaults: Settings
    /// The schema of the mapping, with the values of ``defaults`` as defaults.
    public let schema: MappingSchema

    public init(
        defaults: Settings, @OptionTableBuilder<Settings> _ options: () -> [OptionSpec<Settings>]
    ) {
        self.init(defaults: defaults, options())
    }

    public init(defaults: Settings, _ options: [OptionSpec<Settings>]) {
        (self.options, self.defaults) = (options, defaults)
        schema = MappingSchema(
            options.map { option in
                var key = option.schema
                if key.defaultText == nil, !key.isRequired, case .line(let text)? = option.text(defaults) {
                    key.defaultText = key.value.plainText(text)
                }
                return key
            })
    }

    public subscript(_ key: String) -> OptionSpec<Settings>? { options.first { $0.key == key } }

    /// - Precondition: the node has passed ``schema``.
    public func read(_ node: YAMLNode, from settings: Settings) -> Settings {
        let all = readAll(node, from: settings)
        var settings = settings
        for option in options where option.idle(all) == nil {
            if let value = node[option.key] { option.read(value, &settings) }
        }
        return settings
    }

    /// Reads the options in order. Skips an option that has no effect with the values of the options before it.
    private func readAll(_ node: YAMLNode, from settings: Settings) -> Settings {
        var settings = settings
        for option in options where option.idle(settings) == nil {
            if let value = node[option.key] { option.read(value, &settings) }
        }
        return settings
    }

    /// - Precondition: the node has passed ``schema``.
    public func read(_ node: YAMLNode) -> Settings { read(node, from: defaults) }

    /// Returns the keys and values of all options that have an effect and a value.
    public func lines(of settings: Settings) -> [OptionLine] {
        options.compactMap { option in
            guard option.idle(settings) == nil else { return nil }
            return option.text(settings).map { OptionLine(option.key, $0) }
        }
    }

    /// Returns a warning for each key that has no effect in combination with the others.
    public func idleKeys(of node: YAMLNode?, at path: String) -> [Diagnostic] {
        guard let node, let entries = node.entries else { return [] }
        // An invalid word has already been reported, and the effect of other keys may depend on it.
        let isUncertain = entries.contains { entry in
            guard let value = self[entry.key]?.schema.value, value.decides else { return false }
            return !MappingSchema([KeySchema(entry.key, value, "")]).problems(of: node.with(only: entry))
                .isEmpty
        }
        if isUncertain { return [] }
        let settings = readAll(node, from: defaults)
        return entries.compactMap { entry in
            guard let reason = self[entry.key]?.idle(settings) else { return nil }
            return Diagnostic(
                .warning, code: "no-effect", at: entry.keyMark, width: entry.keyWidth,
                keyPath: "\(path).\(entry.key)", message: "‘\(entry.key)’ has no effect: \(reason)")
        }
    }

    // MARK: Storage

    /// Reads settings that any version of the program has stored. Options that the data lacks have their defaults.
    public func decode(from decoder: any Decoder) throws -> Settings {
        var settings = defaults
        let container = try decoder.container(keyedBy: OptionCodingKey.self)
        for option in options { try option.storage?.decode(container, &settings) }
        return settings
    }

    public func encode(_ settings: Settings, to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: OptionCodingKey.self)
        for option in options { try option.storage?.encode(&container, settings) }
    }
}

@resultBuilder public enum OptionTableBuilder<Settings: Sendable> {
    public static func buildExpression(_ option: OptionSpec<Settings>) -> [OptionSpec<Settings>] { [option] }
    public static func buildExpression(_ options: [OptionSpec<Settings>]) -> [OptionSpec<Settings>] {
        options
    }
    public static func buildBlock(_ options: [OptionSpec<Settings>]...) -> [OptionSpec<Settings>] {
        options.flatMap { $0 }
    }
}

struct OptionCodingKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ key: String) { stringValue = key }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// Converts `max_steps` to `maxSteps`.
private func camelCase(_ key: String) -> String {
    let words = key.split { $0 == "_" || $0 == "-" }
    return (words.first.map { [String($0)] } ?? []).joined()
        + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}

extension ValueSchema {
    /// Whether other keys may have or lose their effect because of this key's value.
    fileprivate var decides: Bool {
        switch self {
        case .choice, .list: true
        default: false
        }
    }

    /// Returns a default as documents show it: a number has no redundant `.0`.
    fileprivate func plainText(_ text: String) -> String {
        guard case .number = self, let value = Double(text) else { return text }
        return plain(value)
    }
}

extension YAMLNode {
    fileprivate func with(only entry: Entry) -> YAMLNode {
        YAMLNode(content: .mapping([entry]), mark: mark, width: width)
    }
}

// MARK: Documentation

extension MappingSchema {
    /// A table for the documentation, with a row for each key.
    public var markdown: String {
        let rows = keys.map { key in
            let value = key.isRequired ? "required" : key.defaultText.map { "`\($0)`" } ?? ""
            let meaning = key.summary.replacing("|", with: "\\|")
            return "| `\(key.name)` | \(key.value.what) | \(value) | \(meaning) |"
        }
        return (["| Key | Value | Default | Meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n")
    }
}

extension MappingSchema {
    /// Returns this schema and the schemas of the mappings inside it, each with its name. The documentation has one
    /// table for each of them.
    public func tables(named name: String) -> [(String, MappingSchema)] {
        [(name, self)]
            + keys.flatMap { key -> [(String, MappingSchema)] in
                guard let inner = key.value.mapping, inner.keys.count <= Self.mostRows else { return [] }
                return inner.tables(named: "\(name).\(key.name)")
            }
    }

    /// Largest number of rows in a table. A mapping with more keys, such as one for each element, gets no table.
    private static let mostRows = 60

    /// Formats tables with their names for documents.
    public static func markdown(_ tables: [(String, MappingSchema)]) -> String {
        tables.map { "<!-- \($0.0) -->\n\($0.1.markdown)\n" }.joined(separator: "\n")
    }
}

extension ValueSchema {
    fileprivate var mapping: MappingSchema? {
        switch self {
        case .mapping(let schema): schema
        case .list(let element, _): element.mapping
        default: nil
        }
    }
}

/// The form of an option's value: the allowed values, and how they are read and written.
public struct OptionForm<Value: Sendable>: Sendable {
    public var schema: ValueSchema
    /// Reads a node; returns nil if the node does not have this form. The second argument is the value before reading,
    /// because the keys of a mapping change a value one by one.
    let read: @Sendable (YAMLNode, Value?) -> Value?
    let text: @Sendable (Value) -> OptionText
    /// Converts a command-line argument to a node; returns nil if the argument does not have this form.
    public var argument: @Sendable (String) -> YAMLNode?
    /// A sentence about the syntax of an argument; nil if it is the same as in a file.
    public var argumentHelp: String?

    public init(
        _ schema: ValueSchema, argument: (@Sendable (String) -> YAMLNode?)? = nil,
        argumentHelp: String? = nil, read: @escaping @Sendable (YAMLNode) -> Value?,
        text: @escaping @Sendable (Value) -> String
    ) {
        self.init(
            schema, argument: argument, argumentHelp: argumentHelp, readInto: { node, _ in read(node) },
            text: { .line(text($0)) })
    }

    /// Returns the same form with one difference: `change` is applied to each value that is read.
    public func read(as change: @escaping @Sendable (Value) -> Value) -> Self {
        Self(
            schema, argument: argument, argumentHelp: argumentHelp, readInto: { read($0, $1).map(change) },
            text: text)
    }

    init(
        _ schema: ValueSchema, argument: (@Sendable (String) -> YAMLNode?)? = nil,
        argumentHelp: String? = nil, readInto: @escaping @Sendable (YAMLNode, Value?) -> Value?,
        text: @escaping @Sendable (Value) -> OptionText
    ) {
        (self.schema, read, self.text) = (schema, readInto, text)
        self.argument = argument ?? { YAMLNode(argument: $0) }
        self.argumentHelp = argumentHelp
    }
}

/// The form in which a file shows a value.
public indirect enum OptionText: Sendable, Equatable {
    /// A value on the line of its key.
    case line(String)
    /// Keys and values below the key of the mapping, one per line.
    case block([OptionLine])
}

/// A key and its value as a file shows them.
public struct OptionLine: Sendable, Equatable {
    public var key: String
    public var text: OptionText

    public init(_ key: String, _ text: OptionText) { (self.key, self.text) = (key, text) }
}

extension [OptionLine] {
    /// Returns the lines of a block mapping, each after `indent` spaces.
    public func yaml(indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        return flatMap { line in
            switch line.text {
            case .line(let text): ["\(margin)\(line.key): \(text)"]
            case .block(let lines): ["\(margin)\(line.key):"] + lines.yaml(indent: indent + 2)
            }
        }
    }

    /// The mapping on one line: `{key: value, …}`.
    public var flow: String {
        let pairs = map { line in
            switch line.text {
            case .line(let text): "\(line.key): \(text)"
            case .block(let lines): "\(line.key): \(lines.flow)"
            }
        }
        return "{\(pairs.joined(separator: ", "))}"
    }
}

extension YAMLNode {
    /// Makes a scalar without quotation marks from a command-line argument.
    public init(argument: String) {
        self.init(
            content: .scalar(argument, isPlain: true), mark: TextMark(line: 1, column: 1),
            width: argument.unicodeScalars.count)
    }

    /// Makes a list of nodes from command-line arguments, which have no place in a document.
    public init(argument elements: [YAMLNode]) {
        self.init(content: .sequence(elements), mark: TextMark(line: 1, column: 1), width: 1)
    }

    /// Makes a mapping from command-line arguments, which have no place in a document.
    public init(argument entries: [(String, YAMLNode)]) {
        let mark = TextMark(line: 1, column: 1)
        self.init(
            content: .mapping(entries.map { Entry(key: $0, keyMark: mark, keyWidth: 1, value: $1) }),
            mark: mark, width: 1)
    }
}

// MARK: The forms

extension OptionForm where Value == Int {
    public static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(.integer(range), read: \.integer, text: \.description)
    }
}

extension OptionForm where Value == Double {
    /// A finite number in a range; if `open`, the lower end of the range is not allowed.
    public static func number(_ range: ClosedRange<Double>, open: Bool = false) -> Self {
        Self(.number(range, open: open), read: \.number, text: YAMLScalar.number)
    }
}

extension OptionForm where Value == Bool {
    public static var boolean: Self { Self(.boolean, read: \.boolean, text: \.description) }
}

extension OptionForm where Value == String {
    public static func text(
        pattern: String? = nil, check: @escaping @Sendable (String) -> TextProblem? = { _ in nil }
    ) -> Self {
        Self(.text(pattern: pattern, check: check), read: \.text, text: YAMLScalar.text)
    }

    public static func choice(_ words: [String]) -> Self {
        Self(.choice(words), read: \.text, text: YAMLScalar.text)
    }
}

extension OptionForm where Value: RawRepresentable<String> & CaseIterable {
    /// One of the words of an enumeration.
    public static func word(_ cases: [Value] = Array(Value.allCases)) -> Self {
        Self(
            .choice(cases.map(\.rawValue)), read: { $0.text.flatMap(Value.init(rawValue:)) },
            text: \.rawValue)
    }
}

extension OptionForm where Value: LosslessStringConvertible {
    /// A text that the type's own initializer can read.
    public static func word(problem: @escaping @Sendable (String) -> TextProblem) -> Self {
        Self(
            .text { Value($0) == nil ? problem($0) : nil }, read: { $0.text.flatMap { Value($0) } },
            text: { YAMLScalar.text($0.description) })
    }
}

extension OptionForm {
    public static func list<Element>(
        _ element: OptionForm<Element>, count: ClosedRange<Int> = 0...10_000
    ) -> Self where Value == [Element] {
        Self(
            .list(element.schema, count: count), argument: element.argument,
            argumentHelp: element.argumentHelp,
            readInto: { node, _ in node.elements?.compactMap { element.read($0, nil) } },
            text: { values in
                let texts = values.map { value in
                    switch element.text(value) {
                    case .line(let text): text
                    case .block(let lines): lines.flow
                    }
                }
                return .line("[\(texts.joined(separator: ", "))]")
            })
    }

    /// A mapping that is written on one line.
    public static func mapping(_ table: OptionTable<Value>) -> Self {
        Self(
            .mapping(table.schema), readInto: { table.read($0, from: $1 ?? table.defaults) },
            text: { .line(table.lines(of: $0).flow) })
    }

    /// A mapping that is written with one line for each key.
    public static func block(_ table: OptionTable<Value>) -> Self {
        Self(
            .mapping(table.schema), readInto: { table.read($0, from: $1 ?? table.defaults) },
            text: { .block(table.lines(of: $0)) })
    }
}

// MARK: Values of several forms

/// One of several forms in which a value can be written.
public struct OptionBranch<Value: Sendable>: Sendable {
    let schema: ValueSchema
    let read: @Sendable (YAMLNode, Value?) -> Value?
    /// Returns the text of a value in this form; nil if the value has another form.
    let text: @Sendable (Value) -> OptionText?

    public init(_ form: OptionForm<Value>) {
        (schema, read, text) = (form.schema, form.read, form.text)
    }

    /// - Parameters:
    ///   - read: converts what the form has read to a value; returns nil if that gives no value.
    ///   - written: converts a value to what the form writes; returns nil if the value has another form.
    public init<Part>(
        _ form: OptionForm<Part>, read: @escaping @Sendable (Part) -> Value?,
        written: @escaping @Sendable (Value) -> Part?
    ) {
        schema = form.schema
        self.read = { node, _ in form.read(node, nil).flatMap(read) }
        text = { written($0).map(form.text) }
    }
}

extension OptionForm {
    /// A value in one of several forms; `what` is what messages call them together.
    public static func either(_ branches: [OptionBranch<Value>], what: String) -> Self {
        Self(
            .either(branches.map(\.schema), what: what),
            readInto: { node, value in branches.lazy.compactMap { $0.read(node, value) }.first },
            text: { value in branches.lazy.compactMap { $0.text(value) }.first ?? .line("") })
    }

    /// A mapping with exactly one of several keys, written on one line.
    public static func oneKey(
        _ branches: [(key: String, sentence: String, branch: OptionBranch<Value>)]
    ) -> Self {
        Self(
            .mapping(
                MappingSchema(branches.map { KeySchema($0, $2.schema, $1) }, isChoice: true)),
            readInto: { node, _ in
                branches.lazy.compactMap { key, _, branch in node[key].flatMap { branch.read($0, nil) } }
                    .first
            },
            text: { value in
                .line(
                    branches.compactMap { key, _, branch in branch.text(value).map { OptionLine(key, $0) } }
                        .flow)
            })
    }

    /// A mapping on one line whose keys are data, such as element symbols. `check` returns the problem of a key, or nil
    /// if it has none.
    public static func dictionary<Element>(
        _ element: OptionForm<Element>, what: String, check: @escaping @Sendable (String) -> TextProblem?
    ) -> Self where Value == [String: Element] {
        Self(
            .dictionary(element.schema, what: what, check: check),
            readInto: { node, _ in
                guard let entries = node.entries else { return nil }
                let pairs = entries.compactMap { entry in
                    element.read(entry.value, nil).map { (entry.key, $0) }
                }
                return Dictionary(pairs) { $1 }
            },
            text: { values in
                .line(
                    values.sorted { $0.key < $1.key }
                        .map { OptionLine(YAMLScalar.text($0.key), element.text($0.value)) }.flow)
            })
    }
}

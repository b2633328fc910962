import ArgumentParser
import YAMLDocument

/// A table of options whose keys are flags of a command.
protocol FlagTable {
    associatedtype Settings: Sendable
    static var table: OptionTable<Settings> { get }
    /// Keys that are not flags.
    static var without: Set<String> { get }
}

/// The flags of a table of options: `max_steps` is `--max-steps`.
///
/// ArgumentParser finds the flags of a type by reflection. The mirror of this type shows one flag for each
/// option, and `init(from:)` reads the flags as the compiler's own initializer would.
struct OptionFlags<Table: FlagTable>: ParsableArguments, CustomReflectable {
    /// The words of the command line, by key.
    private var words: [String: [String]] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        for option in Self.options {
            let key = FlagKey(option.key)
            switch option.schema.value {
            case .boolean:
                let isOn = try container.decode(Flag<Bool>.self, forKey: key).wrappedValue
                if isOn != Self.isOn(option) { words[option.key] = [isOn.description] }
            case .list:
                let given = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if !given.isEmpty { words[option.key] = given }
            default:
                let given = try container.decode(Option<String?>.self, forKey: key).wrappedValue
                if let given { words[option.key] = [given] }
            }
        }
    }

    var customMirror: Mirror {
        let flags = Self.options.map { option -> (label: String?, value: Any) in
            let (name, help) = (NameSpecification.customLong(Self.flag(option.key)), Self.help(option))
            let value: Any =
                switch option.schema.value {
                case .boolean where Self.isOn(option):
                    Flag<Bool>(wrappedValue: true, name: name, inversion: .prefixedNo, help: help)
                case .boolean: Flag<Bool>(wrappedValue: false, name: name, help: help)
                case .list: Option<[String]>(wrappedValue: [], name: name, help: help)
                case .choice(let words):
                    Option<String?>(name: name, help: help, completion: .list(words))
                default: Option<String?>(name: name, help: help)
                }
            return (option.key, value)
        }
        return Mirror(self, children: flags)
    }

    func validate() throws { _ = try settings }

    /// The settings that the flags state.
    ///
    /// - Throws: an error of the command line that names the flag.
    var settings: Table.Settings {
        get throws {
            let node = YAMLNode(argument: try Self.options.compactMap(node))
            if let problem = Table.table.schema.problems(of: node).first {
                let key = String(problem.keyPath.prefix { $0 != "[" && $0 != "." })
                let given = words[key, default: []].joined(separator: " ")
                throw ValidationError(
                    "‘\(given)’ for --\(Self.flag(key)): \(problem.message)"
                        + (problem.hint.map { "; \($0)" } ?? ""))
            }
            return Table.table.read(node)
        }
    }

    private func node(of option: OptionSpec<Table.Settings>) throws -> (String, YAMLNode)? {
        guard let words = words[option.key] else { return nil }
        let nodes = try words.map { word in
            guard let node = option.argument(word) else {
                let help = option.argumentHelp.map { " \($0)" } ?? ""
                throw ValidationError("‘\(word)’ is not a value of --\(Self.flag(option.key)).\(help)")
            }
            return node
        }
        guard case .list = option.schema.value else { return nodes.last.map { (option.key, $0) } }
        return (option.key, YAMLNode(argument: nodes))
    }

    private static var options: [OptionSpec<Table.Settings>] {
        Table.table.options.filter { !Table.without.contains($0.key) }
    }

    private static func flag(_ key: String) -> String { key.replacing("_", with: "-") }

    private static func isOn(_ option: OptionSpec<Table.Settings>) -> Bool {
        Table.table.schema.keys.first { $0.name == option.key }?.defaultText == "true"
    }

    private static func help(_ option: OptionSpec<Table.Settings>) -> ArgumentHelp {
        var text = option.schema.summary + (option.argumentHelp.map { " \($0)" } ?? "")
        var remarks: [String] = []
        if case .choice(let words) = option.schema.value {
            remarks.append("values: " + words.joined(separator: ", "))
        }
        let usual = Table.table.schema.keys.first { $0.name == option.key }?.defaultText
        if let usual, option.schema.value.isWritten { remarks.append("default: \(usual)") }
        if !remarks.isEmpty { text += " (\(remarks.joined(separator: "; ")))" }
        return ArgumentHelp(stringLiteral: text)
    }
}

extension ValueSchema {
    /// Whether a value follows a flag of this kind.
    fileprivate var isWritten: Bool {
        if case .boolean = self { false } else { true }
    }
}

private struct FlagKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ key: String) { stringValue = key }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

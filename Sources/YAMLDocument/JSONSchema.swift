/// JSON values with a fixed order of keys, for readable schemas.
public indirect enum JSONValue: Sendable {
    case string(String)
    case number(Double)
    case integer(Int)
    case boolean(Bool)
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// Returns the value as indented text.
    public func text(indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .string(let value): return YAMLScalar.json(value)
        case .number(let value): return plain(value)
        case .integer(let value): return String(value)
        case .boolean(let value): return value ? "true" : "false"
        case .array(let values):
            guard !values.isEmpty else { return "[]" }
            return "[\n" + values.map { inner + $0.text(indent: inner) }.joined(separator: ",\n")
                + "\n\(indent)]"
        case .object(let pairs):
            guard !pairs.isEmpty else { return "{}" }
            return "{\n"
                + pairs.map { "\(inner)\(YAMLScalar.json($0)): \($1.text(indent: inner))" }.joined(
                    separator: ",\n")
                + "\n\(indent)}"
        }
    }
}

extension MappingSchema {
    /// Returns the mapping as a schema of JSON Schema 2020-12.
    public func jsonSchema(title: String, id: String) -> String {
        let head: [(String, JSONValue)] = [
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("$id", .string(id)),
            ("title", .string(title)),
        ]
        return JSONValue.object(head + json).text() + "\n"
    }

    fileprivate var json: [(String, JSONValue)] {
        let properties = keys.map { key -> (String, JSONValue) in
            var pairs = key.value.json
            var description = key.summary
            if let value = key.defaultValue {
                pairs.append(("default", value))
            } else if let text = key.defaultText {
                description += " Default: \(text)."
            }
            pairs.insert(("description", .string(description)), at: 0)
            return (key.name, .object(pairs))
        }
        var pairs: [(String, JSONValue)] = [
            ("type", .string("object")), ("properties", .object(properties)),
            ("additionalProperties", .boolean(false)),
        ]
        let required = keys.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { pairs.append(("required", .array(required))) }
        if isChoice { pairs += [("minProperties", .integer(1)), ("maxProperties", .integer(1))] }
        return pairs
    }
}

extension KeySchema {
    /// The default as a JSON value; nil if the default is described in words.
    fileprivate var defaultValue: JSONValue? {
        guard let defaultText, let node = YAMLNode.parse(Array(defaultText.utf8)).root,
            MappingSchema([self]).problems(of: node.under(name)).isEmpty
        else { return nil }
        switch value {
        case .integer: return node.integer.map(JSONValue.integer)
        case .number: return node.number.map(JSONValue.number)
        case .boolean: return node.boolean.map(JSONValue.boolean)
        case .list: return node.elements?.isEmpty == true ? .array([]) : nil
        case .text, .choice, .either: return node.text.map(JSONValue.string)
        case .mapping, .dictionary: return nil
        }
    }
}

extension YAMLNode {
    /// Returns a mapping with one key, whose value is this node.
    fileprivate func under(_ key: String) -> YAMLNode {
        let entry = Entry(key: key, keyMark: mark, keyWidth: 1, value: self)
        return YAMLNode(content: .mapping([entry]), mark: mark, width: 1)
    }
}

extension ValueSchema {
    fileprivate var json: [(String, JSONValue)] {
        switch self {
        case .integer(let range):
            var pairs: [(String, JSONValue)] = [("type", .string("integer"))]
            if range.lowerBound != .min { pairs.append(("minimum", .integer(range.lowerBound))) }
            if range.upperBound != .max { pairs.append(("maximum", .integer(range.upperBound))) }
            return pairs
        case .number(let range, let open):
            var pairs: [(String, JSONValue)] = [("type", .string("number"))]
            if range.lowerBound > -Self.boundless {
                pairs.append((open ? "exclusiveMinimum" : "minimum", .number(range.lowerBound)))
            }
            if range.upperBound < Self.boundless { pairs.append(("maximum", .number(range.upperBound))) }
            return pairs
        case .boolean: return [("type", .string("boolean"))]
        case .text(let pattern, _):
            return [("type", .string("string"))] + (pattern.map { [("pattern", .string($0))] } ?? [])
        case .choice(let words): return [("enum", .array(words.map(JSONValue.string)))]
        case .list(let element, let count):
            return [
                ("type", .string("array")), ("items", .object(element.json)),
                ("minItems", .integer(count.lowerBound)), ("maxItems", .integer(count.upperBound)),
            ]
        case .mapping(let schema): return schema.json
        case .either(let forms, _) where forms.isEmpty: return []
        case .dictionary(let value, _, _):
            return [
                ("type", .string("object")), ("minProperties", .integer(1)),
                ("additionalProperties", .object(value.json)),
            ]
        case .either(let forms, _): return [("anyOf", .array(forms.map { .object($0.json) }))]
        }
    }
}

import Foundation
internal import YAMLDocument

/// Returns a time in UTC to the second: `2026-11-23T12:00:00Z`.
func timestamp(_ date: Date) -> String { date.formatted(.iso8601) }

/// Lines of a YAML mapping.
struct YAMLText {
    private(set) var text = ""
    private let indent: String

    init(indent: String = "") { self.indent = indent }

    mutating func add(_ key: String, _ value: String?) {
        guard let value else { return }
        text += "\(indent)\(key): \(YAMLScalar.quoted(value))\n"
    }

    mutating func add(_ key: String, plain value: (some CustomStringConvertible)?) {
        guard let value else { return }
        text += "\(indent)\(key): \(value)\n"
    }

    /// Adds a number with its unit in a comment.
    mutating func add(_ key: String, _ value: Double?, unit: String) {
        guard let value else { return }
        text += "\(indent)\(key): \(value)  # \(unit)\n"
    }

    mutating func add(_ key: String, list: [String]) {
        guard !list.isEmpty else { return }
        text += "\(indent)\(key):\n" + list.map { "\(indent)  - \(YAMLScalar.quoted($0))\n" }.joined()
    }

    mutating func addRaw(_ lines: String) { text += lines }
}

package import Foundation

extension JSONEncoder {
    /// An encoder for files that people read: sorted keys, each on a line of its own.
    package static var readable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// An encoder for lines of a file and for headers: sorted keys on one line.
    package static var line: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// An encoder of answers to other programs: readable, with dates in ISO 8601.
    package static var answer: JSONEncoder {
        let encoder = readable
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }
}

/// Returns the content of a JSON file in a readable layout.
package func json(_ value: some Encodable) throws -> [UInt8] {
    Array(try JSONEncoder.readable.encode(value)) + [UInt8(ascii: "\n")]
}

import Foundation
import LinearAlgebra

/// Input that was accepted but should have been refused, or for which a reader breaks one of its guarantees.
package struct FuzzFinding: Error, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// The readers of foreign files, with one common interface: bytes are refused, or they give a valid value. libFuzzer
/// (`make fuzz`) calls them, and the tests call them with ``Mutations``.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case job, structure, manifest, result, dropped, model

    /// Gives the bytes to the reader.
    ///
    /// - Returns: whether the bytes were accepted.
    /// - Throws: ``FuzzFinding``.
    @discardableResult
    package func run(_ bytes: [UInt8]) throws -> Bool {
        switch self {
        case .job: try readJob(bytes)
        case .structure: try readStructure(bytes)
        case .manifest: try ManifestReader.shared.get().read(bytes)
        case .result: try ResultReader.shared.get().readFolder(bytes)
        case .dropped: try ResultReader.shared.get().readDropped(bytes)
        case .model: try ModelReader.shared.get().read(bytes)
        }
    }

    /// The folder of the corpus: valid files, and inputs that once broke a reader.
    static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Corpus")

    package func seeds() throws -> [[UInt8]] {
        let folder = Self.corpus.appendingPathComponent(rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .map { Array(try Data(contentsOf: folder.appendingPathComponent($0))) }
    }

    /// Pieces of text that mean something to the reader, from which mutations are made.
    package var tokens: [String] {
        switch self {
        case .job:
            [
                "&a ", "*a", "!!str ", "- ", ": ", "{", "}", "[", "]", "|\n", "\t", "'", "\"", "\u{0}",
                "---\n",
                "é", "~", "1e999",
            ]
        case .structure, .dropped:
            [
                "nan", "inf", "1e999", "Au", "\n", "-", "energy=", "pos:R:3", "\"", "=", "[", "]", "{", "}",
                "T",
            ]
        case .manifest, .result:
            ["null", "-1", "1e999", "9223372036854775808", "{}", "[", "\"", "\\u0000", "true", "../"]
        case .model: ["\0\0\0\0", "null", "-1", "9223372036854775807", "[]", "{}", "0", "\u{7F}"]
        }
    }
}

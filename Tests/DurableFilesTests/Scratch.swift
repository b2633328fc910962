import DurableFiles
import Foundation
import SystemPackage

/// A folder for one test; it is removed at the end of the test.
final class Scratch: Sendable {
    let path: String
    let directory: Directory

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-files-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        directory = try Directory(FilePath(path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Returns the names of the entries in a folder, including hidden ones.
    func files(_ relative: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(relative)")) ?? []).sorted()
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }
}

/// Returns `count` bytes with a pattern in which a misplaced part can be recognised.
func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

/// Number of repetitions of random tests: few in every run, all in `make torture`.
enum Strength {
    static let isFull = ProcessInfo.processInfo.environment["AURELAX_TORTURE"] == "1"
    static func scaled(_ quick: Int, full: Int) -> Int { isFull ? full : quick }
}

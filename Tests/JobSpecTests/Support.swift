import Foundation
import JobSpec

/// Returns the job file with these lines.
func file(_ text: String, name: String = "j.yaml") -> JobFile { JobFile(Array(text.utf8), file: name) }

enum Project {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: root.appendingPathComponent(path)))
    }

    /// The job files among the project's workflows.
    static var jobs: [String] { files("workflows", ".yaml").filter { !$0.contains("/soap-scan/") } }

    /// Files of the project, relative to its root.
    static func files(_ folder: String, _ suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
        return (all?.compactMap { $0 as? String } ?? []).filter {
            $0.hasSuffix(suffix) && !$0.contains("results/")
        }
        .sorted()
        .map { "\(folder)/\($0)" }
    }
}

import Foundation
import JobSpec
import SystemPackage
import Workflow

/// Named job templates: `NAME.yaml` in a folder `workflows`.
enum Workflows {
    /// Returns the folders of workflows. The user's own come first: $AURELAX_WORKFLOWS (folders separated by
    /// colons), `workflows` in the current folder and in the spool; then the folders that came with aurelax.
    static func folders(_ spool: Spool) -> [String] {
        var folders = (ProcessInfo.processInfo.environment["AURELAX_WORKFLOWS"] ?? "").split(separator: ":")
            .map(String.init)
        folders += ["workflows", spool.root.appending("workflows").string]
        // Folders beside the folders of models.
        folders += Models.searchPath.map {
            URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("workflows").path
        }
        var folder = URL(fileURLWithPath: Program.path).deletingLastPathComponent()
        for installed in ["../share", "../../share"] {
            folders.append(folder.appendingPathComponent("\(installed)/aurelax/workflows").standardized.path)
        }
        for _ in 0..<4 {
            folders.append(folder.appendingPathComponent("workflows").path)
            folder = folder.deletingLastPathComponent()
        }
        return folders
    }

    /// Returns every name with its file; if several folders have a name, the first folder's file is used.
    static func all(_ spool: Spool) -> [(name: String, path: String)] {
        var found: [String: String] = [:]
        for folder in folders(spool) {
            for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            where file.hasSuffix(".yaml") && !file.hasPrefix(".") {
                let name = String(file.dropLast(5))
                if found[name] == nil { found[name] = "\(folder)/\(file)" }
            }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Returns the template with a name, or in a file.
    ///
    /// - Parameter name: a name, or a path if it contains a slash or has the suffix `.yaml`.
    static func template(_ name: String, _ spool: Spool) throws -> JobTemplate {
        let isPath = name.contains("/") || name.hasSuffix(".yaml") || name.hasSuffix(".yml")
        let known = all(spool)
        guard let path = isPath ? name : known.first(where: { $0.name == name })?.path else {
            let names = known.map(\.name).joined(separator: ", ")
            throw CommandError(
                .failed,
                "there is no workflow ‘\(name)’" + (names.isEmpty ? "" : "; the workflows are \(names)")
                    + "; add your own as NAME.yaml in a folder workflows")
        }
        return JobTemplate(String(decoding: try bytes(of: path), as: UTF8.self), file: path)
    }
}

/// Returns a name for a job from its structure's file: `cluster` for `runs/cluster.xyz.gz`, `run1-CONTCAR` for
/// `run1/CONTCAR`.
func jobName(ofStructure path: String) -> String {
    let parts = URL(fileURLWithPath: path).pathComponents.filter { $0 != "/" }
    var name = parts.last ?? "job"
    for suffix in [".gz", ".bz2", ".xz"] where name.lowercased().hasSuffix(suffix) {
        name = String(name.dropLast(suffix.count))
    }
    if let dot = name.lastIndex(of: "."), dot != name.startIndex {
        name = String(name[..<dot])
    } else if ["POSCAR", "CONTCAR", "coord"].contains(name), path.contains("/"), parts.count > 1 {
        name = "\(parts[parts.count - 2])-\(name)"
    }
    let plain = name.map { character -> Character in
        character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
            ? character : "-"
    }
    let trimmed = String(plain.drop { !$0.isLetter && !$0.isNumber }.prefix(64))
    return trimmed.isEmpty ? "job" : trimmed
}

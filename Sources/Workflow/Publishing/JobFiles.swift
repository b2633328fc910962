internal import DurableFiles
import SystemPackage
internal import YAMLDocument

/// The files of a job's folder that the daemon no longer writes, with their digests.
struct JobFiles {
    enum Content {
        case whole(Digest, size: Int)
        /// Files that the daemon may not read, with the reason.
        case unreadable(String)
    }

    /// Sorted paths beneath the job's folder.
    private(set) var entries: [(path: String, content: Content)] = []

    /// - Parameter folder: the job's folder. Links are not followed; hidden names and files that
    ///   the daemon still writes are left out.
    init(in folder: Directory) throws(FileError) { try add(folder, prefix: "", depth: 0) }

    private static let changing: Set<String> = [
        "status.yaml", "summary.yaml", "job.log", "events.jsonl", "report.html", "figures",
    ]
    /// A stage, its result, and folders that a program created beneath.
    private static let deepest = 3

    private mutating func add(_ directory: Directory, prefix: String, depth: Int) throws(FileError) {
        for name in try directory.names() {
            let shown = name.escaped
            guard !shown.hasPrefix("."), depth > 0 || !Self.changing.contains(shown) else { continue }
            do throws(FileError) {
                switch try directory.status(of: name)?.kind {
                case .regular:
                    guard let (digest, size) = try directory.digest(of: name) else { continue }
                    entries.append((prefix + shown, .whole(digest, size: size)))
                case .directory where depth < Self.deepest:
                    try add(directory.subdirectory(name), prefix: prefix + shown + "/", depth: depth + 1)
                default: continue
                }
            } catch {
                guard !error.isFatal, !error.isTransient else { throw error }
                entries.append((prefix + shown, .unreadable(error.code.description)))
            }
        }
    }

    /// Lines of the list `files` in a summary.
    var yaml: String {
        guard !entries.isEmpty else { return "  []\n" }
        var text = YAMLText(indent: "    ")
        for (path, content) in entries {
            text.addRaw("  - path: \(YAMLScalar.quoted(path))\n")
            switch content {
            case .whole(let digest, let size):
                text.add("bytes", plain: size)
                text.add("sha256", digest.hexadecimal)
            case .unreadable(let why): text.add("unreadable", why)
            }
        }
        return text.text
    }
}

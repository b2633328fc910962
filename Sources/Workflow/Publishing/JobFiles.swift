internal import DurableFiles
import Foundation
internal import JobSpec
import SystemPackage
internal import YAMLDocument

/// The files of a job's folder that the daemon no longer writes, with their digests.
struct JobFiles {
    enum Content {
        case whole(Digest, size: Int)
        /// A file that the daemon may not read, with the reason.
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
    /// Largest depth: a stage, its result, and the folders that a program created in the result.
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

/// The store's data about a job, kept with the job's results, from which a lost store is rebuilt.
struct JobCopy: Codable {
    static let version = 1
    static let file = ".aurelax-job.json"

    var aurelaxJob = version
    var job: Job
    var file: Digest
    var structure: Digest
    var state: JobState
    var reason: String
    var stage: Int
    var attempt: Int
    var accepted: Date
    var updated: Date
    var stages: [StageRecord]
    var packages: [PackageRecord]
    var history: [JobHistoryEntry]

    init(_ record: JobRecord, in store: Store) throws {
        job = record.job
        (file, structure) = (record.file, record.structure)
        (state, reason) = (record.machine.state, record.machine.reason)
        (stage, attempt) = (record.machine.stage, record.machine.attempt)
        (accepted, updated) = (record.accepted, record.updated)
        stages = try store.stages(of: record.id)
        packages = try store.packages(of: record.id)
        history = try store.history(of: record.id)
    }

    var bytes: [UInt8] {
        get throws {
            let encoder = StageReport.encoder
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self)) + [10]
        }
    }

    /// - Throws: `DecodingError` if the bytes are not a copy of a job; ``WorkflowError`` for a later version.
    init(_ bytes: [UInt8]) throws {
        let decoder = StageReport.decoder
        let found = try decoder.decode(Version.self, from: Data(bytes)).aurelaxJob
        guard found <= Self.version else {
            throw WorkflowError.notAllowed(
                "it has version \(found), but this program reads versions up to \(Self.version)")
        }
        self = try decoder.decode(Self.self, from: Data(bytes))
        guard job.plan.indices.contains(stage), attempt >= 1, Job.isName(job.name) else {
            throw WorkflowError.notAllowed("its stage, attempt or name is not valid")
        }
    }

    private struct Version: Decodable { let aurelaxJob: Int }
}

internal import DurableFiles
import Foundation
import Handoff
internal import JobSpec
import SystemPackage

/// The name of a job: one plain path component, checked if it comes from outside.
struct JobName: Sendable, Hashable, CustomStringConvertible {
    /// Name of the job's folder in the outbox.
    let component: FilePath.Component

    /// - Returns: nil if the text cannot be a job's name.
    init?(_ text: String) {
        guard Job.isName(text), let component = FilePath.Component(text), component.kind == .regular else {
            return nil
        }
        self.component = component
    }

    /// - Precondition: the job was parsed, so its name is valid.
    init(of job: Job) { component = FilePath.Component(plain: job.name) }

    var description: String { component.string }
}

/// The folder of one attempt at one stage of a job: its name, its paths, and its opening.
struct StageFolder: Sendable, Hashable {
    let job: JobName
    /// Number of the stage, from 0.
    let stage: Int
    let kind: StageKind
    /// Number of the attempt, from 1.
    let attempt: Int

    init(_ job: JobName, stage: Int, kind: StageKind, attempt: Int = 1) {
        (self.job, self.stage, self.kind, self.attempt) = (job, stage, kind, attempt)
    }

    /// Makes the folder of the job's current stage.
    init(current record: JobRecord) {
        let machine = record.machine
        self.init(
            JobName(of: record.job), stage: machine.stage, kind: machine.stages[machine.stage],
            attempt: machine.attempt)
    }

    /// Makes the folder of a stage that has ended.
    init(_ ended: StageRecord, of record: JobRecord) {
        self.init(
            JobName(of: record.job), stage: ended.stage, kind: ended.report.kind, attempt: ended.attempt)
    }

    /// Parses a folder's name.
    ///
    /// - Returns: nil if the folder does not belong to a stage.
    init?(named name: String, of job: JobName) {
        guard let parts = Self.parts(of: name) else { return nil }
        self.init(job, stage: parts.stage, kind: parts.kind, attempt: parts.attempt)
    }

    /// Returns the stage (from 0), kind and attempt that a folder's name states; nil for other names.
    static func parts(of name: String) -> (stage: Int, kind: StageKind, attempt: Int)? {
        guard let match = name.wholeMatch(of: /([0-9]+)-([a-z-]+)(?:\.([0-9]+))?/),
            let number = Int(match.1), number > 0, let kind = StageKind(rawValue: String(match.2))
        else { return nil }
        return (number - 1, kind, match.3.flatMap { Int($0) } ?? 1)
    }

    /// Returns the folders of each stage's last attempt, in the order of the stages.
    ///
    /// - Parameter job: the job's folder, in an outbox or as kept by `aurelax record`.
    static func last(in job: FilePath) throws -> [(kind: StageKind, path: FilePath)] {
        var found: [Int: (kind: StageKind, attempt: Int, path: FilePath)] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: job.string) {
            guard let parts = parts(of: name), parts.attempt > found[parts.stage]?.attempt ?? 0 else {
                continue
            }
            found[parts.stage] = (parts.kind, parts.attempt, job.appending(name))
        }
        return found.sorted { $0.key < $1.key }.map { ($0.value.kind, $0.value.path) }
    }

    /// Returns the same stage at another attempt.
    func at(attempt: Int) -> StageFolder { StageFolder(job, stage: stage, kind: kind, attempt: attempt) }

    /// Name of the folder: `02-dft`, and `02-dft.2` for a second attempt, so that the files of the first attempt
    /// stay unchanged.
    var name: FilePath.Component {
        let number = stage + 1 < 10 ? "0\(stage + 1)" : "\(stage + 1)"
        return FilePath.Component(
            plain: "\(number)-\(kind.rawValue)" + (attempt > 1 ? ".\(attempt)" : ""))
    }

    // MARK: Paths

    /// The path beneath the outbox: `ring4/02-dft`.
    var path: String { "\(job)/\(name)" }

    /// Returns the path of a result file of the stage, beneath the job's folder:
    /// `02-dft/result/final.extxyz`.
    func path(of file: String) -> String {
        kind.isOutside ? "\(name)/\(PackageLayout.result)/\(file)" : "\(name)/\(file)"
    }

    func path(in spool: Spool) -> FilePath { spool.folder(ofJob: job.description).appending(name) }

    /// Returns the path of a result file of the stage.
    func path(of file: String, in spool: Spool) -> FilePath {
        spool.folder(ofJob: job.description).appending(path(of: file))
    }

    /// Returns the folder of a stage's result files: in a package its `result/`, otherwise the stage's folder
    /// itself (of an ML stage, or as kept by `aurelax record`).
    static func files(in folder: FilePath) -> FilePath {
        let result = folder.appending(PackageLayout.result)
        return FileManager.default.fileExists(atPath: result.string) ? result : folder
    }

    // MARK: Directories

    /// Opens the folder.
    ///
    /// - Parameter job: the job's folder.
    /// - Returns: nil if there is no such directory.
    func open(in job: Directory) throws -> Directory? {
        guard try job.status(of: name)?.kind == .directory else { return nil }
        return try job.subdirectory(name)
    }

    /// Opens the folder, and creates it if it is missing.
    func make(in job: Directory) throws -> Directory { try job.makeSubdirectory(name) }
}

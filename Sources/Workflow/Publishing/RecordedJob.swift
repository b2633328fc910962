internal import Atomistics
internal import DurableFiles
import Foundation
import Handoff
import OrderedCollections
import SystemPackage
internal import YAMLDocument

/// The part of a finished job that a workflow keeps among its results: logs, verdicts, final structures, single
/// points, and eleven geometries of a model's path.
public struct RecordedJob: Sendable {
    /// Files of a stage that are kept as they are.
    private static let files = ["optimizer.log", "final.extxyz", "best.extxyz", "status.json"]

    /// Path of the folder that was written.
    public let folder: String

    /// Records a job; its folder among the results is replaced file by file.
    ///
    /// - Parameters:
    ///   - job: the job's folder in an outbox.
    ///   - results: the folder that gets a folder with the job's name.
    /// - Throws: ``WorkflowError`` if the folder holds no job that has ended, and errors of files.
    public init(_ job: String, into results: String) throws {
        let source = FilePath(job)
        guard let name = source.lastComponent, let text = Self.bytes(source.appending("job.yaml")) else {
            throw WorkflowError.noSuchJob(job)
        }
        guard let summary = Self.bytes(source.appending("summary.yaml")) else {
            throw WorkflowError.notAllowed("\(job) has no summary.yaml, because the job has not ended")
        }
        let target = FilePath(results).appending(name)
        folder = target.string
        try Self.write(text, to: target.appending("job.yaml"))
        try Self.write(try Self.withoutResultFolders(summary, job), to: target.appending("summary.yaml"))
        for stage in try FileManager.default.contentsOfDirectory(atPath: job).sorted() {
            guard let parts = StageFolder.parts(of: stage) else { continue }
            let from = StageFolder.files(in: source.appending(stage))
            let to = target.appending(stage)
            for file in Self.files {
                if let bytes = Self.bytes(from.appending(file)) {
                    try Self.write(bytes, to: to.appending(file))
                }
            }
            guard let path = Self.bytes(from.appending("trajectory.extxyz")) else { continue }
            switch parts.kind {
            case .singlePoints: try Self.write(path, to: to.appending("trajectory.extxyz"))
            case .ml: try Self.write(try Self.brief(path, label: stage), to: to.appending("path.extxyz"))
            case .dft: break
            }
        }
    }

    private static func bytes(_ path: FilePath) -> [UInt8]? {
        FileManager.default.contents(atPath: path.string).map(Array.init)
    }

    private static func write(_ bytes: [UInt8], to path: FilePath) throws {
        try FileManager.default.createDirectory(
            atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path.string), options: .atomic)
    }

    /// Removes the subfolder `result/` from the paths of final structures in a summary, because the
    /// structures are recorded without it.
    private static func withoutResultFolders(_ summary: [UInt8], _ job: String) throws -> [UInt8] {
        let (root, diagnostics) = YAMLNode.parse(summary)
        guard let root else {
            throw WorkflowError.notAllowed(
                "\(job)/summary.yaml cannot be read: \(diagnostics.first?.message ?? "no YAML")")
        }
        var lines = String(decoding: summary, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        for final in (root["stages"]?.elements ?? []).compactMap({ $0["final"] }) {
            guard let text = final.text, lines.indices.contains(final.mark.line - 1) else { continue }
            let parts = text.split(separator: "/").filter { $0 != PackageLayout.result.string }
            lines[final.mark.line - 1].replace(
                YAMLScalar.quoted(text), with: YAMLScalar.quoted(parts.joined(separator: "/")))
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    /// Returns at most eleven frames of a path, evenly spaced, with positions to 0.0001 Å and without forces.
    private static func brief(_ trajectory: [UInt8], label: String) throws -> [UInt8] {
        let frames = try ExtXYZ.frames(in: trajectory, label: label)
        guard let last = frames.indices.last else { return [] }
        let chosen = Set((0...10).map { Int((Double(last * $0) / 10).rounded(.toNearestOrEven)) })
        var bytes: [UInt8] = []
        for index in chosen.sorted() {
            var frame = frames[index]
            let kept = ["step", "model", "model_version", "ml_fmax"]
            frame.info = frame.info.filter { kept.contains($0.key) }
            frame.columns = frame.columns.filter { $0.key == "move_mask" }
            frame.positions = frame.positions.map { ($0 * 1e4).rounded(.toNearestOrEven) / 1e4 }
            ExtXYZ.encode(frame, into: &bytes)
        }
        return bytes
    }
}

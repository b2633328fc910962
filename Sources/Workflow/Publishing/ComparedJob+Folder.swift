internal import Atomistics
import Foundation
import OrderedCollections
internal import JobSpec
public import Reports
import SystemPackage
internal import YAMLDocument

/// The part of a stage's `status.json`, as kept by `aurelax record`, that a comparison needs.
struct StageCost: Decodable {
    var engine: String
    var level_of_theory: String?
    var gradient_calls: Int?
    var scf_cycles: Int?
    var converged: Bool?

    /// Reads `status.json` from the folder of a stage's result files.
    ///
    /// - Parameter folder: the folder of the stage's result files.
    /// - Returns: nil if there is no such file, because the stage has not ended.
    init?(in folder: FilePath) throws {
        guard let bytes = FileManager.default.contents(atPath: folder.appending("status.json").string) else {
            return nil
        }
        self = try JSONDecoder().decode(Self.self, from: bytes)
    }
}

extension ComparedJob {
    /// Reads the job from its folder in an outbox, or from the files that `aurelax record` kept.
    ///
    /// - Throws: ``WorkflowError/noSuchJob(_:)`` if the folder holds no job, and errors of damaged
    ///   files.
    public init(folder path: String) throws {
        let folder = URL(fileURLWithPath: path)
        self.init(name: folder.lastPathComponent)
        guard let text = FileManager.default.contents(atPath: folder.appendingPathComponent("job.yaml").path)
        else {
            throw WorkflowError.noSuchJob(path)
        }
        for stage in try StageFolder.last(in: FilePath(path)) {
            stages.append(try Self.stage(stage.kind, in: stage.path))
        }
        for file in ["summary.yaml", "status.yaml"] where state == nil {
            let bytes = FileManager.default.contents(atPath: folder.appendingPathComponent(file).path)
            let root = YAMLNode.parse(Array(bytes ?? Data())).root
            (state, verdict) = (root?["state"]?.text, root?["verdict"]?.text)
        }
        given = try Self.given(job: Array(text), in: folder) ?? stages.first?.frames.first
    }

    private static func stage(_ kind: StageKind, in folder: FilePath) throws -> Stage {
        let files = StageFolder.files(in: folder)
        func path(_ name: String) -> String { files.appending(name).string }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
        let kind = Kind(kind)
        var stage = Stage(kind: kind)
        stage.curve = OptimizerCurve(atPath: path("optimizer.log"))
        for name in ["trajectory.extxyz", "path.extxyz", "final.extxyz"]
        where stage.frames.isEmpty && exists(name) {
            stage.frames = try ExtXYZ.read(path: path(name))
        }
        if kind == .ml {
            if case .string(let model)? = stage.frames.last?.info["model"] { stage.method = model }
        } else {
            stage.levelOfTheory = stage.frames.last?.levelOfTheory
        }
        if let cost = try StageCost(in: files) {
            stage.method = cost.engine == "gpaw" ? "GPAW" : cost.level_of_theory ?? cost.engine
            stage.levelOfTheory = cost.level_of_theory ?? stage.levelOfTheory
            (stage.gradientCalls, stage.scfCycles) = (cost.gradient_calls, cost.scf_cycles)
            stage.converged = cost.converged
        }
        return stage
    }

    /// Returns the last frame of the structure that the job file gives: inline, or a file in the job's folder or two
    /// folders above it (beside the folder of results). Nil if there is none.
    private static func given(job text: [UInt8], in folder: URL) throws -> Atoms? {
        switch JobFile(text, file: "job.yaml").job?.structure {
        case .inline(let structure):
            return try ExtXYZ.frames(in: Array(structure.utf8), label: "structure").last
        case .file(let name):
            let candidates = [folder, folder.deletingLastPathComponent().deletingLastPathComponent()]
                .map { $0.appendingPathComponent(name).path }
            guard let path = candidates.first(where: FileManager.default.fileExists) else { return nil }
            return try ExtXYZ.read(path: path).last
        case nil: return nil
        }
    }
}

extension ComparedJob.Kind {
    fileprivate init(_ kind: StageKind) {
        switch kind {
        case .ml: self = .ml
        case .dft: self = .dft
        case .singlePoints: self = .singlePoints
        }
    }
}

internal import Atomistics
import Foundation
import OrderedCollections
internal import JobSpec
public import Reports

extension ComparedJob {
    /// The part of `status.json`, as kept by `scripts/record-result`, that a comparison needs.
    private struct Cost: Decodable {
        var engine: String
        var level_of_theory: String?
        var gradient_calls: Int?
        var scf_cycles: Int?
        var converged: Bool?
    }

    /// Reads the job from its folder in an outbox, or from the files that `scripts/record-result`
    /// kept.
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
        for (_, stage) in try Self.stageFolders(in: folder).sorted(by: { $0.key < $1.key }) {
            stages.append(try Self.stage(stage.kind, in: stage.folder))
        }
        for file in ["summary.yaml", "status.yaml"] where state == nil {
            let lines = (try? String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8))?
                .split(separator: "\n")
            state = lines?.first { $0.hasPrefix("state: ") }.map { String($0.dropFirst(7)) }
            verdict = lines?.first { $0.hasPrefix("verdict: ") }.flatMap {
                try? JSONDecoder().decode(String.self, from: Data($0.dropFirst(9).utf8))
            }
        }
        given = try Self.given(job: Array(text), in: folder) ?? stages.first?.frames.first
    }

    /// The last attempt of each stage.
    private static func stageFolders(in folder: URL) throws -> [Int: (attempt: Int, kind: Kind, folder: URL)]
    {
        var found: [Int: (attempt: Int, kind: Kind, folder: URL)] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            guard let match = name.wholeMatch(of: /([0-9]+)-([a-z-]+)(?:\.([0-9]+))?/),
                let number = Int(match.1), let kind = Kind(rawValue: String(match.2))
            else { continue }
            let attempt = match.3.flatMap { Int($0) } ?? 1
            if attempt > found[number]?.attempt ?? 0 {
                found[number] = (attempt, kind, folder.appendingPathComponent(name))
            }
        }
        return found
    }

    private static func stage(_ kind: Kind, in folder: URL) throws -> Stage {
        let result = folder.appendingPathComponent("result")
        let files = FileManager.default.fileExists(atPath: result.path) ? result : folder
        func path(_ name: String) -> String { files.appendingPathComponent(name).path }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
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
        if let status = FileManager.default.contents(atPath: path("status.json")) {
            let cost = try JSONDecoder().decode(Cost.self, from: status)
            stage.method = cost.engine == "gpaw" ? "GPAW" : cost.level_of_theory ?? cost.engine
            stage.levelOfTheory = cost.level_of_theory ?? stage.levelOfTheory
            (stage.gradientCalls, stage.scfCycles) = (cost.gradient_calls, cost.scf_cycles)
            stage.converged = cost.converged
        }
        return stage
    }

    /// The job's own structure: in the job, or beside it, or beside the workflow's jobs with these
    /// results.
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

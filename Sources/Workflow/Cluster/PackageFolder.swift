internal import DurableFiles
import Foundation
import Handoff
import Reports
internal import Slurm
import SystemPackage

/// The files of a submission in its package, or in the folder of an ML stage.
struct PackageFolder {
    let directory: Directory
    /// The kind of the stage, which determines the files; `dft` also for a folder without a stage, such as a
    /// scan's.
    var kind = StageKind.dft

    /// The path without links, because the outbox may be a link, and the nodes share only its target.
    var path: String { URL(fileURLWithPath: directory.path.string).resolvingSymlinksInPath().path }

    /// Whether the folder is complete. A package is renamed into place as a whole; the task of an ML stage is
    /// written last.
    var isComplete: Bool {
        get throws { try kind != .ml || OutsideMLStage.isHandedOut(in: directory) }
    }

    /// Whether there is a complete result.
    var hasResult: Bool {
        get throws {
            if kind == .ml { return try directory.status(of: StageTaskResult.file) != nil }
            return try PackageLayout.hasResult(directory)
        }
    }

    /// Number of atoms of the structure.
    var atoms: Int {
        get throws {
            let text =
                try directory.read(isSinglePoints ? "frames.extxyz" : "initial.extxyz", limit: 1 << 30) ?? []
            return Int(String(decoding: text.prefix { $0 != 10 }, as: UTF8.self)) ?? 0
        }
    }

    /// Number of geometries computed so far.
    var steps: Int {
        if kind == .ml {
            return OptimizerCurve(atPath: directory.path.appending("optimizer.log").string).entries.count
        }
        guard let result = try? PackageLayout.result(of: directory),
            let progress = try? RunProgress(from: result)
        else { return 0 }
        return progress.gradientCalls
    }

    private var isSinglePoints: Bool { (try? directory.status(of: "frames.extxyz")) ?? nil != nil }

    /// Number of points; nil for a relaxation.
    var points: Int? {
        get throws {
            guard isSinglePoints, let bytes = try directory.read("parameters.json", limit: 1 << 20) else {
                return nil
            }
            return try JSONDecoder().decode(SinglePointsParameters.self, from: Data(bytes)).points
        }
    }

    /// Numbers, from 1, of the points without a result; empty for a relaxation.
    var missingPoints: [Int] {
        get throws {
            guard let count = try points else { return [] }
            guard let result = try? PackageLayout.result(of: directory),
                let points = try? result.subdirectory("points")
            else { return Array(1...count) }
            let there = Set(try points.names().map(\.string))
            return (1...count).filter { !there.contains(ReturnedFile.point($0)) }
        }
    }

    /// Name of the last submitted run.
    var current: String? {
        get throws { try text(BatchJob.current) }
    }

    /// Writes the script of a submission, and makes its run the only one of the package that may start.
    func prepare(_ job: BatchJob) throws {
        let records = try directory.makeSubdirectory(FilePath.Component(plain: BatchJob.records))
        try records.replace(FilePath.Component(plain: job.scriptName), Array(job.script.utf8), mode: 0o755)
        try records.replace(FilePath.Component(plain: BatchJob.current), Array("\(job.name)\n".utf8))
    }

    /// Returns the number of the run's Slurm job, once the run has started.
    func began(_ name: String) -> Int? {
        (try? text(BatchJob.beganName(name))).flatMap { $0.flatMap { Int($0) } }
    }

    /// Returns the exit status of the package, or of one of its points, once the run has ended by itself.
    func ended(_ name: String, element: Int? = nil) -> Int? {
        (try? text(BatchJob.endedName(name, element: element))).flatMap { $0.flatMap { Int($0) } }
    }

    func evidence(of run: SlurmRun, element: Int? = nil) throws -> RunEvidence {
        var evidence = RunEvidence()
        evidence.element = element
        evidence.hasResult = try hasResult
        evidence.steps = steps
        evidence.status = ended(run.name, element: element)
        evidence.wasStopped = evidence.status == Int(PackageExit.stopped.rawValue)
        evidence.wasLocked = evidence.status == Int(PackageExit.busy.rawValue)
        if let id = run.id ?? began(run.name) {
            evidence.lastLines = lastLines(BatchJob.logName(id, element: element))
        }
        return evidence
    }

    private func text(_ name: String) throws -> String? {
        guard let component = FilePath.Component(BatchJob.records),
            try directory.status(of: component)?.kind == .directory,
            let bytes = try directory.subdirectory(component).read(
                FilePath.Component(plain: name), limit: 4096)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        return text.isEmpty ? nil : text
    }

    func lastLines(_ name: String) -> [String] {
        (try? directory.lastLines(of: FilePath.Component(plain: name))) ?? []
    }
}

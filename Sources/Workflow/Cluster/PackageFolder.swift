internal import DurableFiles
import Foundation
import Handoff
import Reports
internal import Slurm
import SystemPackage

/// What a submission writes into its package, or into the folder of an ML stage, and what it finds there.
struct PackageFolder {
    let directory: Directory
    /// Of the stage; of what is no stage nothing is asked that depends on it.
    var kind = StageKind.dft

    /// The path without links: the outbox may be one, and only what it leads to is shared with the nodes.
    var path: String { URL(fileURLWithPath: directory.path.string).resolvingSymlinksInPath().path }

    /// It lies there whole. A package comes into its place whole; an ML stage's task is the last of its files.
    var isComplete: Bool {
        get throws { try kind != .ml || OutsideMLStage.isHandedOut(in: directory) }
    }

    /// There is a result, complete.
    var hasResult: Bool {
        get throws {
            if kind == .ml { return try directory.status(of: StageTaskResult.file) != nil }
            return try PackageLayout.hasResult(directory)
        }
    }

    /// Of the frame that the optimiser, or the first point, begins with.
    var atoms: Int {
        get throws {
            let text =
                try directory.read(isSinglePoints ? "frames.extxyz" : "initial.extxyz", limit: 1 << 30) ?? []
            return Int(String(decoding: text.prefix { $0 != 10 }, as: UTF8.self)) ?? 0
        }
    }

    /// Geometries calculated so far.
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

    /// How many points it has; nil where it is a relaxation.
    var points: Int? {
        get throws {
            guard isSinglePoints, let bytes = try directory.read("parameters.json", limit: 1 << 20) else {
                return nil
            }
            return try JSONDecoder().decode(SinglePointsParameters.self, from: Data(bytes)).points
        }
    }

    /// Numbers of its points that are not there.
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

    /// The run that was the last to be submitted.
    var current: String? {
        get throws { try text(BatchJob.current) }
    }

    /// Makes this run the one that may begin.
    func prepare(_ job: BatchJob) throws {
        let records = try directory.makeSubdirectory(FilePath.Component(plain: BatchJob.records))
        try records.replace(FilePath.Component(plain: job.scriptName), Array(job.script.utf8), mode: 0o755)
        try records.replace(FilePath.Component(plain: BatchJob.current), Array("\(job.name)\n".utf8))
    }

    /// The number that the run was given, once it has begun.
    func began(_ name: String) -> Int? {
        (try? text(BatchJob.beganName(name))).flatMap { $0.flatMap { Int($0) } }
    }

    /// Exit status of the package, or of one of its points, once the run has ended by itself.
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
        let bytes = (try? directory.read(FilePath.Component(plain: name), limit: 64 << 20)) ?? []
        return bytes.suffix(8192).split(separator: UInt8(ascii: "\n")).suffix(12)
            .map { escapedForDisplay(Array($0)) }
    }
}

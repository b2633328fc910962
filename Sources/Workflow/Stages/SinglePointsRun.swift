internal import Atomistics
internal import DurableFiles
import Foundation
import Handoff
internal import JobSpec
import SystemPackage

/// Single points that are computed in a package.
struct SinglePointsRun: OutsideStage {
    let package: OutsidePackage
    let stage: SinglePointsStage
    /// The engine's definition for the package; nil for GPAW and tblite, and if only the result is read.
    let engine: PackagedEngine?

    private var record: JobRecord { package.record }

    /// Number, from 1, of the stage along whose path the points are computed.
    private var pathOf: Int? {
        record.job.source(ofPointsAt: record.planned.stage).map { $0 + 1 }
    }

    /// Publishes the package in the job's folder; repeating this changes nothing.
    ///
    /// - Parameters:
    ///   - path: all geometries of the relaxation along which the points are computed.
    ///   - origin: the origin of the path.
    /// - Throws: `HandoffRefusal` if no geometry is suitable.
    func publish(_ path: [Atoms], origin: GeometryOrigin, in folder: Directory) throws {
        if try self.package.isPublished(in: folder) { return }
        let steps = stage.chosen(of: path.count)
        var request = SinglePointsRequest(
            job: record.job.name, stage: record.machine.stage + 1, attempt: record.machine.attempt,
            frames: steps.map { path[$0] }, steps: steps, settings: stage.calculation,
            charge: record.job.charge, origin: origin)
        request.engine = engine
        let package = try SinglePointsPackage(request)
        try self.package.publish(package.files, package.digest, in: folder)
    }

    func end(dropped bytes: [UInt8], in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd {
        throw StageFailure(
            "‘\(record.job.name)’ waits for single points, whose results are accepted only in their package")
    }

    /// Returns the end of the stage, whose final structure is its initial structure; nil while there is no result.
    func end(in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd? {
        guard let (package, files) = try package.returned(in: folder) else { return nil }
        let result = try ReturnedPoints(files, expecting: SinglePointsExpectation(package: package))
        let calculated = result.points.filter { $0.energy != nil }
        guard !calculated.isEmpty else { return .nothing(result.message) }
        let energies = calculated.compactMap(\.energy)
        var report = StageReport(
            kind: .singlePoints,
            // A point whose computation failed counts as a result; a missing point does not.
            verdict: StageVerdict(
                converged: result.points.count == result.asked, steps: result.points.count, fmax: nil,
                text: result.message),
            requestedFmax: nil, energy: energies.last,
            energyChange: energies.last.map { $0 - energies[0] }, method: stage.calculation.engine.rawValue,
            version: StageReport.versions(result.versions),
            levelOfTheory: result.levelOfTheory ?? StageReport.notStated,
            warnings: result.notes
                + result.points.compactMap { point in
                    point.energy == nil
                        ? "step \(point.step): \(point.message ?? point.verdict.rawValue)" : nil
                },
            seconds: result.wallTime)
        (report.gradientCalls, report.scfCycles) = (result.points.count, result.scfCycles)
        report.points = result.points.map {
            .init(step: $0.step, energy: $0.energy, fmax: $0.fmax, verdict: $0.verdict.rawValue)
        }
        report.pathOf = pathOf
        return .report(report, final: ExtXYZ.bytes(of: [try initial()]))
    }
}

extension StageLauncher {
    /// Publishes single points along the path of an earlier stage.
    func publish(_ record: JobRecord, _ stage: SinglePointsStage) throws {
        guard let source = record.job.source(ofPointsAt: record.planned.stage) else {
            throw StageFailure("there is no earlier stage with a path from which geometries could be taken")
        }
        let folder = try JobFolder(spool, store).directory(of: record)
        let pieces = try store.stages(of: record.id).filter {
            record.job.plan[$0.stage].stage == source
        }
        let (path, last) = try path(pieces, in: record)
        guard let last, !path.isEmpty else {
            throw StageFailure("stage \(source + 1) has left no path to take geometries from")
        }
        try SinglePointsRun(
            package: OutsidePackage(store: store, spool: spool, record: record), stage: stage,
            engine: try packagedEngine(of: stage.calculation)
        ).publish(
            path,
            origin: GeometryOrigin(
                description: "stage \(source + 1) (\(record.job.stages[source].kind)), "
                    + "\(path.count) geometries",
                model: last.kind == .ml ? last.method : nil,
                modelVersion: last.kind == .ml ? last.version : nil, levelOfTheory: last.levelOfTheory,
                steps: path.count - 1, fmax: last.verdict.fmax),
            in: folder)
    }

    /// Returns the geometries of a stage's relaxation in their order; of a hybrid stage those of the force
    /// field's relaxations, round after round.
    ///
    /// - Parameter pieces: the records of the stage, or of all rounds of the hybrid stage, that have ended.
    private func path(
        _ pieces: [StageRecord], in record: JobRecord
    ) throws -> (path: [Atoms], last: StageReport?) {
        let isHybrid = pieces.contains { record.job.plan[$0.stage].round != nil }
        let used = pieces.filter { !isHybrid || $0.report.kind == .ml }
        let frames = try used.flatMap { piece in
            let file = StageFolder(piece, of: record).path(of: "trajectory.extxyz", in: spool.spool).string
            guard FileManager.default.fileExists(atPath: file) else {
                throw StageFailure("stage \(piece.stage + 1) has no path: \(file) is missing")
            }
            return try ExtXYZ.read(path: file)
        }
        return (frames, used.last?.report)
    }
}

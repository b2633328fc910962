internal import Atomistics
internal import DurableFiles
import Relaxation
import Foundation
internal import JobSpec
public import Reports
import SystemPackage

extension JobReport {
    /// Name of the report in the job's folder.
    public static let file = "report.html"

    /// Builds the report from the store and the job's folder. Unreadable data are left out, and the
    /// report says so.
    init(
        _ record: JobRecord, _ ended: [StageRecord], _ history: [JobHistoryEntry], _ files: JobFiles?,
        folder: FilePath
    ) {
        self.init(
            name: record.job.name, state: record.machine.state.rawValue, verdict: record.machine.reason)
        let text: String? =
            switch record.job.structure {
            case .inline(let text): text
            case .file: nil
            }
        initial = text.flatMap { try? ExtXYZ.frames(in: Array($0.utf8), label: "structure").last }
        facts = [
            ("charge", "\(record.job.charge) e"), ("stages", "\(record.job.stages.count)"),
            ("accepted", timestamp(record.accepted)), ("last change", timestamp(record.updated)),
            ("job file", "sha256 \(record.file)"), ("structure", "sha256 \(record.structure)"),
        ]
        settings = record.job.yaml
        self.history = history.map { (timestamp($0.at), $0.text) }
        self.files = (files?.entries ?? []).compactMap { path, content in
            guard case .whole(let digest, let size) = content else { return nil }
            return File(path: path, bytes: size, sha256: digest.hexadecimal)
        }
        stages = Self.stages(of: record, ended, in: folder)
        if let first = stages.first?.frames.first, initial == nil { initial = first }
    }

    /// Returns all attempts at all stages that have ended, and the current attempt.
    private static func stages(of record: JobRecord, _ ended: [StageRecord], in folder: FilePath) -> [Stage] {
        var stages = ended.map { one in
            var stage = stage(one.stage, one.report.kind, one.attempt, one.report, record, in: folder)
            stage.pathOf = one.report.pathOf.flatMap { number in
                ended.firstIndex { record.job.plan[$0.stage].stage == number - 1 }
            }
            return stage
        }
        let machine = record.machine
        if !ended.contains(where: { $0.stage == machine.stage && $0.attempt == machine.attempt }) {
            stages.append(
                stage(machine.stage, machine.stages[machine.stage], machine.attempt, nil, record, in: folder))
        }
        return stages
    }

    private static func stage(
        _ number: Int, _ kind: StageKind, _ attempt: Int, _ report: StageReport?, _ record: JobRecord,
        in folder: FilePath
    ) -> Stage {
        let again = attempt > 1 ? ", attempt \(attempt)" : ""
        let word =
            switch kind {
            case .ml: "ML"
            case .dft: "DFT"
            case .singlePoints: "single points"
            }
        var stage = Stage(name: "\(number + 1) \(word)\(again)", isML: kind == .ml)
        let place = StageFolder(JobName(of: record.job), stage: number, kind: kind, attempt: attempt)
        func path(_ file: String) -> String { folder.appending(place.path(of: file)).string }
        if kind != .singlePoints {
            // Geometries of single points belong to another stage.
            stage.curve = OptimizerCurve(atPath: path("optimizer.log"))
            (stage.frames, stage.problem) = frames(atPath: path("trajectory.extxyz"))
        } else if let points = report?.points {
            stage.curve = OptimizerCurve(
                points.compactMap { point in
                    point.fmax.map { .init(step: point.step, time: 0, energy: point.energy, fmax: $0) }
                })
        }
        if kind == .dft { stage.learning = learningCalls(atPath: path("learning.jsonl")) }
        stage.fmaxLimit = record.job.plan[number].fmax
        if let report {
            stage.facts = facts(of: report)
            stage.warnings = report.warnings
        }
        return stage
    }

    private static func facts(of report: StageReport) -> [(name: String, value: String)] {
        func number(_ value: Double?, _ unit: String, _ format: String = "%.4f") -> String? {
            value.map { "\(String(format: format, $0)) \(unit)" }
        }
        if let points = report.points { return facts(of: report, points) }
        let whose = report.kind == .ml ? " (the model's)" : ""
        let facts: [(String, String?)] = [
            ("verdict", report.verdict.text), ("steps", "\(report.verdict.steps)"),
            ("fmax at the beginning" + whose, number(report.initialFmax, "eV/Å")),
            ("fmax at the end" + whose, number(report.verdict.fmax, "eV/Å")),
            ("requested fmax", number(report.requestedFmax, "eV/Å")),
            ("energy" + whose, number(report.energy, "eV")),
            ("change of energy" + whose, number(report.energyChange, "eV")),
            ("largest displacement", number(report.largestDisplacement, "Å", "%.3f")),
            (report.kind == .ml ? "model" : "engine", "\(report.method) \(report.version)"),
            (report.kind == .ml ? "model learnt from" : "level of theory", report.levelOfTheory),
            ("gradient calls", report.gradientCalls.map(String.init)),
            ("SCF cycles", report.scfCycles.map(String.init)),
            ("HOMO–LUMO gap", number(report.electrons?.gap, "eV", "%.3f")),
            ("magnetic moment", number(report.electrons?.magneticMoment, "μB", "%.2f")),
            ("dipole moment", number(report.electrons?.dipoleLength, "e Å", "%.3f")),
            ("dispersion energy", number(report.electrons?.dispersionEnergy, "eV")),
            ("model's largest force error", number(report.modelError, "eV/Å")),
            ("initial model's largest force error", number(report.firstModelError, "eV/Å")),
            ("decision", report.decision), ("time", number(report.seconds, "s", "%.1f")),
        ]
        return facts.compactMap { name, value in value.map { (name, $0) } }
    }

    private static func facts(
        of report: StageReport, _ points: [StageReport.Point]
    ) -> [(name: String, value: String)] {
        let there = points.filter { $0.energy != nil }
        let lowest = there.min { ($0.energy ?? .infinity) < ($1.energy ?? .infinity) }
        func number(_ value: Double, _ unit: String) -> String { String(format: "%.4f", value) + " \(unit)" }
        let facts: [(String, String?)] = [
            ("verdict", report.verdict.text), ("points", "\(there.count) of \(points.count)"),
            ("path", report.pathOf.map { "of stage \($0)" }),
            (
                "energies",
                there.map { "\($0.step): \(String(format: "%.4f", $0.energy ?? .nan))" }
                    .joined(separator: ", ") + " eV"
            ),
            (
                "lowest energy",
                lowest.flatMap { point in
                    point.energy.map { "\(number($0, "eV")), at step \(point.step)" }
                }
            ),
            ("engine", "\(report.method) \(report.version)"), ("level of theory", report.levelOfTheory),
            ("SCF cycles", report.scfCycles.map(String.init)),
            ("time", report.seconds.map { String(format: "%.1f s", $0) }),
        ]
        return facts.compactMap { name, value in value.map { (name, $0) } }
    }

    private struct LearningLine: Decodable {
        var step: Int
        var energy: Double
        var fmax: Double
        var predictedEnergy: Double?
        var predictedFmax: Double?
        var forceError: Double?
        var quadraticError: Double?
        var trustRadius: Double?
        var reason: String?
    }

    /// Returns the learning relaxation's record of each gradient call; empty if there is none.
    private static func learningCalls(atPath path: String) -> [LearningCall] {
        guard isPlainFile(atPath: path, limit: OptimizerCurve.largestLog) else { return [] }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let lines = (FileManager.default.contents(atPath: path) ?? Data()).split(separator: 10)
        return lines.compactMap { line in
            guard let noted = try? decoder.decode(LearningLine.self, from: line) else { return nil }
            var call = LearningCall(step: noted.step, energy: noted.energy, fmax: noted.fmax)
            (call.predictedEnergy, call.predictedFmax) = (noted.predictedEnergy, noted.predictedFmax)
            (call.forceError, call.quadraticError) = (noted.forceError, noted.quadraticError)
            (call.trustRadius, call.next) = (noted.trustRadius, noted.reason)
            return call
        }
    }

    /// Size in bytes above which a trajectory is not shown in the report.
    private static let largestTrajectory = 1 << 30

    private static func frames(atPath path: String) -> ([Atoms], problem: String?) {
        guard FileManager.default.fileExists(atPath: path) else { return ([], nil) }
        guard isPlainFile(atPath: path, limit: largestTrajectory) else {
            return ([], "its trajectory is not a plain file of at most \(largestTrajectory >> 20) MiB")
        }
        var frames: [Atoms] = []
        do {
            var reader = try ExtXYZReader(path: path)
            while let frame = try reader.next() { frames.append(frame) }
            return (frames, nil)
        } catch {
            return (frames, "after \(counted(frames.count, "frame")): \(error)")
        }
    }
}

extension PlannedStage {
    /// Requested fmax of the stage, eV/Å; nil if nothing is relaxed.
    var fmax: Double? {
        switch work {
        case .ml(let stage): stage.fmax
        case .dft(let stage): stage.fmax
        case .singlePoints: nil
        }
    }
}

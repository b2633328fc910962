internal import DurableFiles
import Foundation
internal import JobSpec
import SystemPackage

/// The result of a job: `summary.yaml`.
struct Summary {
    private let record: JobRecord
    private let stages: [StageRecord]
    private let files: JobFiles?

    /// - Parameter files: the files in the job's folder; nil if unknown.
    init(_ record: JobRecord, _ stages: [StageRecord], _ files: JobFiles?) {
        self.record = record
        self.stages = stages
        self.files = files
    }

    var yaml: String {
        var text = YAMLText()
        text.add("aurelax_summary", plain: 1)
        text.add("name", record.job.name)
        text.add("state", plain: record.machine.state.rawValue)
        text.add("verdict", record.machine.reason)
        text.add("ml_steps", plain: steps(.ml))
        text.add("dft_steps", plain: steps(.dft))
        text.add("charge", plain: record.job.charge)
        text.add("accepted", plain: timestamp(record.accepted))
        text.add("ended", plain: timestamp(record.updated))
        text.add("units", "Angstrom, eV, eV/Angstrom, s")
        text.addRaw("stages:\n")
        for stage in stages { text.addRaw(entry(stage)) }
        if stages.isEmpty { text.addRaw("  []\n") }
        if let files { text.addRaw("files:\n" + files.yaml) }
        return text.text
    }

    private func steps(_ kind: StageKind) -> Int? {
        let ended = stages.filter { $0.report.kind == kind }
        return ended.isEmpty ? nil : ended.reduce(0) { $0 + $1.report.verdict.steps }
    }

    private func add(_ points: [StageReport.Point], to text: inout YAMLText) {
        text.add("points_asked", plain: points.count)
        text.add("points_calculated", plain: points.count { $0.energy != nil })
        text.addRaw("    points:  # eV, eV/Angstrom\n")
        for point in points {
            let numbers = [point.energy.map { "energy: \($0)" }, point.fmax.map { "fmax: \($0)" }]
            let values = ["step: \(point.step)", "verdict: \(point.verdict)"] + numbers.compactMap { $0 }
            text.addRaw("      - {\(values.joined(separator: ", "))}\n")
        }
    }

    private func entry(_ stage: StageRecord) -> String {
        let report = stage.report
        let isML = report.kind == .ml
        var text = YAMLText(indent: "    ")
        text.add("kind", plain: report.kind.rawValue)
        text.add("converged", plain: report.verdict.converged)
        text.add("verdict", report.verdict.text)
        if let points = report.points {
            text.add("path_of_stage", plain: report.pathOf)
            add(points, to: &text)
        } else {
            text.add("steps", plain: report.verdict.steps)
        }
        text.add("requested_fmax", report.requestedFmax, unit: "eV/Angstrom")
        text.add(isML ? "ml_initial_fmax" : "initial_fmax", report.initialFmax, unit: "eV/Angstrom")
        text.add(isML ? "ml_fmax" : "fmax", report.verdict.fmax, unit: "eV/Angstrom")
        text.add(isML ? "ml_energy" : "energy", report.energy, unit: "eV")
        text.add(isML ? "ml_energy_change" : "energy_change", report.energyChange, unit: "eV")
        text.add("largest_displacement", report.largestDisplacement, unit: "Angstrom")
        text.add(isML ? "model" : "engine", report.method)
        text.add(isML ? "model_version" : "version", report.version)
        text.add(isML ? "model_level_of_theory" : "level_of_theory", report.levelOfTheory)
        if !isML {
            text.add("gradient_calls", plain: report.gradientCalls)
            text.add("scf_cycles", plain: report.scfCycles)
            text.add("optimizer", report.optimizer)
            text.add("base", report.base)
            text.add("base_steps", plain: report.baseSteps)
            text.add("optimizer_note", report.optimizerNote)
        }
        if let decision = report.decision {
            text.add("model_largest_force_error", report.modelError, unit: "eV/Angstrom")
            text.add("first_model_largest_force_error", report.firstModelError, unit: "eV/Angstrom")
            text.add("decision", decision)
        }
        text.add("seconds", report.seconds, unit: "s")
        text.add("attempt", plain: stage.attempt)
        if report.points == nil {
            let folder = StageFolder(stage, of: record)
            text.add("final", folder.path(of: report.finalFile ?? "final.extxyz"))
            text.add("final_sha256", stage.final.hexadecimal)
        }
        text.add("warnings", list: report.warnings)
        return "  - stage: \(stage.stage + 1)\n" + text.text
    }
}

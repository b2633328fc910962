internal import JobSpec
import Relaxation

/// Decides what follows the check of a hybrid stage.
struct HybridRounds: Sendable {
    let store: Store
    let stages: StageLauncher

    /// Decides what follows a check, and notes the decision in its report.
    ///
    /// - Parameter final: extxyz of the check's last geometry with its forces.
    /// - Returns: the stage that follows if it is not the next one.
    func decide(
        _ round: PlannedStage.Round, _ record: JobRecord, _ report: inout StageReport, _ final: [UInt8]
    ) throws -> Int? {
        (report.modelError, report.firstModelError) = try stages.modelErrors(round, in: record, final: final)
        let earlier = try store.stages(of: record.id).filter { round.stages.contains($0.stage) }
            .filter { $0.report.kind == .dft }.map { HybridCheck($0.stage, $0.report) }
        let decision = HybridDecision(
            after: earlier + [HybridCheck(record.machine.stage, report)],
            isConverged: report.verdict.converged,
            mlFmax: round.settings.ml.fmax, rounds: round.settings.rounds,
            maxGradientCalls: round.settings.maxGradientCalls, learns: round.settings.learn)
        report.decision = decision.reason
        report.verdict.text = decision.reason
        guard case .finish(let stage, _) = decision else { return nil }
        if stage != record.machine.stage { report.goesBackTo = stage }
        return round.stages.upperBound
    }
}

internal import Engines

extension MLStageRun {
    /// Runs the stage; if its engine fails, starts the engine again and resumes from the last step.
    ///
    /// - Returns: the end, and a warning for every time that the engine was started again.
    /// - Throws: the engine's error if it fails twice at the same step.
    func resumingAfterEngineFailures(
        stop: StopFlag, begin: (_ step: Int) throws -> Void,
        progress: (_ step: Int, _ fmax: Double) throws -> Void
    ) throws -> (End, restarts: [String]) {
        var (steps, failedAt) = (0, -1)
        var restarts: [String] = []
        while true {
            do {
                let end = try run(stop: stop) { step in
                    if restarts.isEmpty { try begin(step) }
                    steps = step
                } progress: { step, fmax in
                    steps = step + 1
                    try progress(step, fmax)
                }
                return (end, restarts)
            } catch let error as EngineError where steps != failedAt && !stop.isStopping {
                failedAt = steps
                restarts.append("resumed at step \(steps) after \(error)")
            }
        }
    }
}

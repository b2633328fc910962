/// The evidence in a package's folder about a run whose end Slurm has reported.
public struct RunEvidence: Sendable, Equatable {
    /// For an array: the element that this evidence is about.
    public var element: Int?
    /// Whether the package has marked its result as complete. This overrides all other evidence.
    public var hasResult = false
    /// Number of steps in the trajectory.
    public var steps = 0
    /// Whether the run ended between two steps after a stop signal.
    public var wasStopped = false
    /// Exit status of the package; nil if it did not write one.
    public var status: Int?
    /// Whether the run ended because another process was already running the package.
    public var wasLocked = false
    /// Whether the log has Slurm's message that the memory limit was exceeded. Needed because some clusters do
    /// not report the state `OUT_OF_MEMORY`.
    public var ranOutOfMemory: Bool {
        lastLines.contains { line in
            line.contains("slurmstepd")
                && ["memory limit", "oom_kill", "oom-kill", "out-of-memory"].contains(where: line.contains)
        }
    }
    /// The log's message about the failed line of `setup`; nil if the setup did not fail.
    var failedSetup: String? {
        guard status == Int(BatchJob.setupFailed) else { return nil }
        return lastLines.last { $0.hasPrefix(BatchJob.setupMessage) } ?? "its setup failed"
    }
    /// Last lines of the log.
    public var lastLines: [String] = []

    public init() {}
}

/// Limits and resources for resubmitting a run that ended without a result.
public struct ResubmissionRules: Sendable, Equatable {
    /// Largest number of runs of one package, not counting the first.
    public var most = 10
    /// Largest number of consecutive runs without a new step.
    public var mostWithoutStep = 3
    public var limits = SlurmLimits()
    /// Factor by which the requested memory or time grows if the run exceeded it.
    public var growth = 2.0

    public init() {}

    public enum Decision: Sendable, Equatable {
        /// The result exists, or the job is paused, so the run is closed.
        case close(String)
        case again(SlurmResources, String)
        case stop(String)
    }

    /// Decides whether the package of a run is submitted again.
    ///
    /// - Parameters:
    ///   - run: a run that has ended.
    ///   - idle: number of consecutive runs without a new step, including this one.
    public func decision(_ run: SlurmRun, _ evidence: RunEvidence, idle: Int) -> Decision {
        let word = evidence.element.map { run.tally?.ends[$0] ?? "unknown" } ?? run.end ?? "unknown"
        let place = evidence.element.map { "_\($0)" } ?? ""
        let job = run.id.map { "Slurm job \($0)\(place)" } ?? "the Slurm job"
        if evidence.hasResult { return .close("\(job) ended: \(word)") }
        if run.isHeld { return .close("\(job) ended (\(word)); the job is paused") }
        switch cause(word, evidence) ?? lone(word, evidence, run) {
        case .none:
            let status = evidence.status.map { ", exit status \($0)" } ?? ""
            let end = evidence.failedSetup.map { "\(job) did not run: \($0)" }
            return .stop(
                ([end ?? "\(job) ended without a result (\(word)\(status))"] + evidence.lastLines)
                    .joined(separator: "\n    "))
        case .some(let cause):
            if run.number > most {
                return .stop("\(job) \(cause.text); it was resubmitted \(most) times, which is the limit")
            }
            if idle >= mostWithoutStep {
                return .stop("\(job) \(cause.text); \(idle) consecutive runs made no step")
            }
            return again(run, cause, moved: evidence.steps > run.stepsBefore, job)
        }
    }

    private enum Cause {
        case time, memory, stopped, machine(String), locked

        var text: String {
            switch self {
            case .time: "ran into its time limit"
            case .memory: "ran out of memory"
            case .stopped: "stopped before its time limit"
            case .machine(let why): why
            case .locked: "found another process running the package"
            }
        }
    }

    private func cause(_ word: String, _ evidence: RunEvidence) -> Cause? {
        switch word {
        case "TIMEOUT", "DEADLINE": .time
        case "OUT_OF_MEMORY": .memory
        case "NODE_FAIL", "BOOT_FAIL": .machine("lost its node")
        case "PREEMPTED", "REVOKED": .machine("was preempted")
        case "CANCELLED": evidence.ranOutOfMemory ? .memory : nil
        default:
            evidence.ranOutOfMemory
                ? .memory : evidence.wasStopped ? .stopped : evidence.wasLocked ? .locked : nil
        }
    }

    /// Returns the cause if the element was cancelled but another element of the array ended otherwise: then the
    /// array is still wanted, and the element is submitted again. Nil for any other end.
    private func lone(_ word: String, _ evidence: RunEvidence, _ run: SlurmRun) -> Cause? {
        guard word == "CANCELLED", evidence.element != nil,
            run.tally?.ends.values.contains(where: { $0 != "CANCELLED" }) == true
        else { return nil }
        return .machine("was cancelled outside aurelax")
    }

    /// Decides whether an array with missing points is submitted again.
    ///
    /// - Parameter missing: evidence for each submitted element that has no result.
    public func decision(_ run: SlurmRun, missing: [RunEvidence], idle: Int) -> Decision {
        var request = run.request
        var reasons: [String] = []
        for evidence in missing {
            switch decision(run, evidence, idle: idle) {
            case .close(let why): return .close(why)
            case .stop(let why): return .stop(why)
            case .again(let more, let why):
                request.time = [request.time, more.time].compactMap { $0 }.max()
                request.memory = [request.memory, more.memory].compactMap { $0 }.max()
                reasons.append(why)
            }
        }
        guard let first = reasons.first else { return .close("the array \(run.id ?? 0) has ended") }
        return .again(request, first + (reasons.count > 1 ? "; so are \(reasons.count - 1) more" : ""))
    }

    private func again(_ run: SlurmRun, _ cause: Cause, moved: Bool, _ job: String) -> Decision {
        var request = run.request
        var change = ""
        switch cause {
        case .memory:
            guard let memory = request.memory else {
                return .stop(
                    "\(job) ran out of memory, and it requests no memory; set ‘memory’ in aurelax.yaml")
            }
            let more = min(Int((Double(memory) * growth).rounded(.up)), limits.memory ?? .max)
            guard more > memory else {
                return .stop(
                    "\(job) ran out of memory, and has all that is allowed (\(SlurmText.memory(memory)))")
            }
            request.memory = more
            change = ", with \(SlurmText.memory(more)) of memory"
        case .time, .stopped:
            // A run that made progress continues with the same resources; more time would mean a
            // longer wait in the queue.
            if let time = request.time, !moved || { if case .time = cause { true } else { false } }() {
                let more = min(Int((Double(time) * growth).rounded(.up)), limits.time ?? .max)
                guard more > time || moved else {
                    return .stop(
                        "\(job) \(cause.text), and has all the time that is allowed (\(SlurmText.time(time)))"
                    )
                }
                request.time = more
                change = ", with a limit of \(SlurmText.time(more))"
            }
        case .machine, .locked: break
        }
        return .again(request, "\(job) \(cause.text); submitted again\(change)")
    }
}

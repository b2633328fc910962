/// What happens to a job.
public enum JobEvent: Sendable, Equatable {
    /// The scheduler gives it its turn.
    case start
    /// It has to wait for others: who, in words.
    case held(String)
    /// A job that it comes after cannot be completed any more.
    case dependencyLost(String)
    case stageEnded(StageVerdict)
    /// The stage could not be done; `again` where the same attempt may succeed later.
    case stageFailed(String, again: Bool)
    /// The ML stage stopped between two steps because the daemon stops; also what recovery reports of a
    /// job that was running when the daemon was killed.
    case interrupted(String)
    case packagePublished
    /// What came back is not the result that was asked for; it was set aside.
    case resultRefused(String)
    case resultAccepted(StageVerdict)
    case cancel
    case pause
    case resume
    case retry
}

/// What the shell has to do after an event.
public enum JobAction: Sendable, Equatable {
    case runML(stage: Int, attempt: Int)
    case publishPackage(stage: Int, attempt: Int)
    case stopML
    /// The next start begins the stage anew.
    case discardCheckpoint(stage: Int)
    /// Tells whoever may run the package that nobody waits for it.
    case withdrawPackage(stage: Int)
    case writeSummary
}

/// The life of one job: state and event in, state and actions out. Knows no files, no clock, no store.
public struct JobMachine: Sendable, Equatable {
    public static let maximumAttempts = 3

    public private(set) var state: JobState
    /// Why it is there, one line for a person.
    public private(set) var reason: String
    /// Index of the current stage, from 0; of the last one where the job is completed.
    public private(set) var stage: Int
    /// The current stage's attempt, from 1.
    public private(set) var attempt: Int
    public let stages: [StageKind]

    public init(stages: [StageKind]) {
        self.init(state: .queued, reason: "accepted", stage: 0, attempt: 1, stages: stages)
    }

    /// - Precondition: the stage is one of the stages.
    public init(state: JobState, reason: String, stage: Int, attempt: Int, stages: [StageKind]) {
        precondition(stages.indices.contains(stage), "a job is at one of its stages")
        precondition(attempt >= 1, "attempts count from 1")
        self.state = state
        self.reason = reason
        self.stage = stage
        self.attempt = attempt
        self.stages = stages
    }

    /// The actions that follow; nil, and nothing changed, where the event means nothing in this state.
    public mutating func handle(_ event: JobEvent) -> [JobAction]? {
        switch (state, event) {
        case (.queued, .start): return begin()
        case (.queued, .held(let why)):
            guard reason != why else { return nil }
            reason = why
            return []
        case (.queued, .dependencyLost(let why)): return end(.failed, why)

        case (.running, .stageEnded(let verdict)) where stages[stage] == .ml: return conclude(verdict)
        case (.running, .stageFailed(let why, let again)):
            guard again, attempt < Self.maximumAttempts else { return end(.failed, why) }
            attempt += 1
            state = .queued
            reason = "trying again: \(why)"
            return []
        case (.running, .interrupted(let why)):
            state = .queued
            reason = why
            return []
        case (.running, .packagePublished) where stages[stage] == .dft:
            state = .waitingForDFT
            reason = "the package is ready; waiting for its result"
            return []

        case (.waitingForDFT, .resultAccepted(let verdict)): return conclude(verdict)
        case (.waitingForDFT, .resultRefused(let why)):
            guard reason != why else { return nil }
            reason = why
            return []
        case (.waitingForDFT, .stageFailed(let why, _)): return end(.failed, why)

        case (.queued, .cancel), (.running, .cancel), (.waitingForDFT, .cancel), (.paused, .cancel):
            return stop(.cancelled, "cancelled by the user") + [.writeSummary]
        case (.queued, .pause), (.running, .pause), (.waitingForDFT, .pause):
            return stop(.paused, "paused by the user")
        case (.paused, .resume):
            state = .queued
            reason = "resumed by the user"
            return []
        case (.failed, .retry), (.cancelled, .retry):
            attempt += 1
            state = .queued
            reason = "tried again by the user"
            return [.discardCheckpoint(stage: stage)]
        default: return nil
        }
    }

    private mutating func begin() -> [JobAction] {
        state = .running
        switch stages[stage] {
        case .ml:
            reason = "relaxing with the force field"
            return [.runML(stage: stage, attempt: attempt)]
        case .dft:
            reason = "preparing the package"
            return [.publishPackage(stage: stage, attempt: attempt)]
        }
    }

    /// A stage that ran out of steps is a result: the next stage goes on from it. Only the last stage
    /// decides whether the job got what was asked for.
    private mutating func conclude(_ verdict: StageVerdict) -> [JobAction] {
        guard stage + 1 < stages.count else {
            return end(verdict.converged ? .completed : .failed, verdict.text)
        }
        stage += 1
        attempt = 1
        return begin()
    }

    private mutating func end(_ state: JobState, _ why: String) -> [JobAction] {
        self.state = state
        reason = why
        return [.writeSummary]
    }

    private mutating func stop(_ target: JobState, _ why: String) -> [JobAction] {
        let before = state
        state = target
        reason = why
        switch before {
        case .running: return stages[stage] == .ml ? [.stopML] : []
        case .waitingForDFT: return target == .cancelled ? [.withdrawPackage(stage: stage)] : []
        default: return []
        }
    }
}

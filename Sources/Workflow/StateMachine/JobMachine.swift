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
    /// - Parameter next: the stage that follows, where it is not the next one; one past the last where none does.
    case resultAccepted(StageVerdict, next: Int? = nil)
    /// What there is to say while others calculate.
    case noted(String)
    case cancel
    case pause
    case resume
    case retry
}

/// The life of one job: state and event in, state out. Knows no files, no clock, no store.
///
/// What is to be done follows from the state alone, so that a daemon that was killed does what one does that
/// was not: it looks at the state and at what is there already.
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

    /// False, and nothing changed, where the event means nothing in this state.
    public mutating func handle(_ event: JobEvent) -> Bool {
        switch (state, event) {
        case (.queued, .start): begin()
        case (.queued, .held(let why)): return wait(why)
        case (.queued, .dependencyLost(let why)): (state, reason) = (.failed, why)

        case (.running, .stageEnded(let verdict)) where stages[stage] == .ml: conclude(verdict)
        case (.running, .stageFailed(let why, let again)):
            guard again, attempt < Self.maximumAttempts else {
                (state, reason) = (.failed, why)
                return true
            }
            attempt += 1
            (state, reason) = (.queued, "trying again: \(why)")
        case (.running, .interrupted(let why)): (state, reason) = (.queued, why)
        // An ML stage that another machine does.
        case (.running, .noted(let why)) where stages[stage] == .ml: return wait(why)
        case (.running, .packagePublished) where stages[stage].isOutside:
            (state, reason) = (.waitingForDFT, "the package is ready; waiting for its result")

        case (.waitingForDFT, .resultAccepted(let verdict, let next)): conclude(verdict, next: next)
        case (.waitingForDFT, .resultRefused(let why)), (.waitingForDFT, .noted(let why)): return wait(why)
        case (.waitingForDFT, .stageFailed(let why, _)): (state, reason) = (.failed, why)

        case (.queued, .cancel), (.running, .cancel), (.waitingForDFT, .cancel), (.paused, .cancel):
            (state, reason) = (.cancelled, "cancelled by the user")
        case (.queued, .pause), (.running, .pause), (.waitingForDFT, .pause):
            (state, reason) = (.paused, "paused by the user")
        case (.paused, .resume): (state, reason) = (.queued, "resumed by the user")
        case (.failed, .retry), (.cancelled, .retry):
            attempt += 1
            (state, reason) = (.queued, "tried again by the user")
        default: return false
        }
        return true
    }

    private mutating func wait(_ why: String) -> Bool {
        guard reason != why else { return false }
        reason = why
        return true
    }

    private mutating func begin() {
        state = .running
        reason = stages[stage] == .ml ? "relaxing with the force field" : "preparing the package"
    }

    /// A stage that ran out of steps is a result: the next stage goes on from it. Only the last stage
    /// decides whether the job got what was asked for.
    private mutating func conclude(_ verdict: StageVerdict, next: Int? = nil) {
        let next = next ?? stage + 1
        precondition(next > stage, "a job does not go back")
        guard next < stages.count else {
            (state, reason) = (verdict.converged ? .completed : .failed, verdict.text)
            return
        }
        let ended = stage + 1
        stage = next
        attempt = 1
        (state, reason) = (.queued, "stage \(ended) ended: \(verdict.text)")
    }
}

/// An event in the life of a job.
public enum JobEvent: Sendable, Equatable {
    /// The scheduler starts the stage.
    case start
    /// The job has to wait for other jobs, which the text names.
    case held(String)
    /// A job that this job waits for can no longer be completed.
    case dependencyLost(String)
    case stageEnded(StageVerdict)
    /// The stage failed. If `again` is true and the job is running, the next attempt follows, unless this was the
    /// last one allowed.
    case stageFailed(String, again: Bool)
    /// The ML stage stopped between two steps because the daemon stops; also used at recovery for a
    /// job that was running when the daemon was killed.
    case interrupted(String)
    case packagePublished
    /// The returned result is not valid; it was set aside.
    case resultRefused(String)
    /// - Parameter next: index of the stage that follows, if that is not the next stage of the plan; the number
    ///   of stages if no stage follows.
    case resultAccepted(StageVerdict, next: Int? = nil)
    /// A message while the stage is computed outside the daemon.
    case noted(String)
    case cancel
    case pause
    case resume
    case retry
}

/// The state machine of one job: state and event in, state out. It uses no files, no clock, no
/// store.
///
/// The next action follows from the state alone, so that a restarted daemon does the same as an
/// uninterrupted one: it looks at the state and at the existing files.
public struct JobMachine: Sendable, Equatable {
    public static let maximumAttempts = 3
    /// The default reason of a job that waits for the result of its package.
    static let packageIsReady = "the package is ready; waiting for its result"

    public private(set) var state: JobState
    /// The reason for the state, one line for the user.
    public private(set) var reason: String
    /// Index of the current stage, from 0; of the last stage if the job is completed.
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

    /// Applies an event. Returns false, without a change, if the event is not valid in this state.
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
            (state, reason) = (.queued, "retrying: \(why)")
        case (.running, .interrupted(let why)): (state, reason) = (.queued, why)
        // An ML stage on another machine.
        case (.running, .noted(let why)) where stages[stage] == .ml: return wait(why)
        case (.running, .packagePublished) where stages[stage].isOutside:
            (state, reason) = (.waitingForDFT, Self.packageIsReady)

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
            (state, reason) = (.queued, "retried by the user")
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

    /// Ends the stage. A stage that ran out of steps has a result, too, from which the next stage continues.
    /// Only the last stage decides whether the job succeeded.
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

/// The state of a job, as users see it.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waits for its turn, or for other jobs.
    case queued
    case running
    /// The package is in the outbox; the daemon waits for its result.
    case waitingForDFT = "waiting-for-dft"
    case completed
    case failed
    case cancelled
    /// Stopped by the user until it is resumed.
    case paused

    /// True if only the user can reactivate the job.
    public var isFinal: Bool { self == .completed || self == .failed || self == .cancelled }
}

/// The kinds of stages, as named in job files and folder names.
public enum StageKind: String, Sendable, Codable, CaseIterable {
    case ml, dft
    case singlePoints = "single-points"

    /// Whether the stage is computed in a package, whose result is returned.
    public var isOutside: Bool { self != .ml }
}

/// The end of a stage, as far as the decision about the next stage depends on it.
public struct StageVerdict: Sendable, Equatable, Codable {
    public var converged: Bool
    /// Optimiser steps taken; for single points, the number of finished points.
    public var steps: Int
    /// Largest force norm of a moving atom at the end, eV/Å.
    public var fmax: Double?
    /// One line for the user.
    public var text: String

    public init(converged: Bool, steps: Int, fmax: Double?, text: String) {
        self.converged = converged
        self.steps = steps
        self.fmax = fmax
        self.text = text
    }
}

/// The state of a job, as users see it.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waits for its turn, or for the jobs that it comes after.
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

    /// Done in a package, whose result is returned.
    public var isOutside: Bool { self != .ml }
}

/// The end of a stage, as far as the next step depends on it.
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

/// Where a job stands, in the words that users see.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waits for its turn, or for the jobs that it comes after.
    case queued
    case running
    /// The package is in the outbox; nothing happens here until its result comes back.
    case waitingForDFT = "waiting-for-dft"
    case completed
    case failed
    case cancelled
    /// Stopped by a person until a person lets it go on.
    case paused

    /// True where only a person can bring the job back.
    public var isFinal: Bool { self == .completed || self == .failed || self == .cancelled }
}

/// The kinds of stage: the words in job files and in the names of folders.
public enum StageKind: String, Sendable, Codable, CaseIterable {
    case ml, dft
    case singlePoints = "single-points"

    /// It is done outside: a package goes out, a result comes back.
    public var isOutside: Bool { self != .ml }
}

/// How a stage ended, as far as the next step depends on it.
public struct StageVerdict: Sendable, Equatable, Codable {
    public var converged: Bool
    /// Optimiser steps taken; of single points, how many are there.
    public var steps: Int
    /// Largest force norm of a moving atom at the end, eV/Å.
    public var fmax: Double?
    /// One line for a person.
    public var text: String

    public init(converged: Bool, steps: Int, fmax: Double?, text: String) {
        self.converged = converged
        self.steps = steps
        self.fmax = fmax
        self.text = text
    }
}

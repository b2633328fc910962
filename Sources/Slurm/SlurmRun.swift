public import Foundation

/// One submission of a package: what was intended, and what is known of it since. Knows no files and no
/// commands; what is to be done follows from it.
public struct SlurmRun: Sendable, Equatable, Codable {
    public enum Phase: String, Sendable, Codable {
        /// About to be submitted, or in doubt whether it was.
        case intended
        case pending
        case running
        case completing
        /// Nobody knows where it is; it may turn up again.
        case lost
        /// Slurm says that it is over; whether it left a result is seen in its folder.
        case ended
    }

    public let name: String
    /// From 1, among the runs of one package.
    public let number: Int
    public let request: SlurmResources
    public let intendedAt: Date
    /// Steps that the package had when it was submitted.
    public let stepsBefore: Int
    public private(set) var phase: Phase = .intended
    public private(set) var id: Int?
    /// As Slurm printed it first.
    public private(set) var submitted: String?
    /// Why it waits, or what is known of one that is lost.
    public private(set) var reason = ""
    /// Among all that wait, where that was asked for.
    public private(set) var place: QueuePlace?
    public private(set) var node = ""
    /// By this machine's clock.
    public private(set) var startedAt: Date?
    public private(set) var endsAt: Date?
    /// Slurm's word for how it ended.
    public private(set) var end: String?
    public private(set) var endedAt: Date?
    /// Answers of the controller in a row in which it was not.
    public private(set) var timesAbsent = 0
    /// Since when it was intended and nobody knew its name.
    public private(set) var doubtedAt: Date?
    /// A person paused the job: the run waits, or ends after its step.
    public var isHeld = false
    /// What the run after it asks for, once that is decided.
    public var next: SlurmResources?
    /// It was asked to end for good.
    public var isWithdrawn = false

    public init(
        name: String, number: Int, request: SlurmResources, stepsBefore: Int, intendedAt: Date
    ) {
        (self.name, self.number, self.request) = (name, number, request)
        (self.stepsBefore, self.intendedAt) = (stepsBefore, intendedAt)
    }

    /// `sbatch` gave this number, or the run wrote it down when it began.
    public mutating func accept(id: Int) {
        self.id = id
        doubtedAt = nil
        if phase == .intended { (phase, reason) = (.pending, "") }
    }

    /// `sbatch` gave no answer.
    public mutating func doubt(_ why: String, at now: Date) {
        doubtedAt = doubtedAt ?? now
        reason = why
    }

    /// True for a job that is this run: numbers come again when a controller loses its state, names do not.
    public func matches(_ entry: QueueEntry) -> Bool {
        entry.name == name && (id == nil || entry.id == id)
            && (submitted == nil || entry.submitted >= submitted ?? "")
    }

    /// The controller, or its data base, shows the job.
    ///
    /// - Returns: true where there is something new to tell.
    @discardableResult
    public mutating func see(_ entry: QueueEntry, at now: Date) -> Bool {
        precondition(matches(entry), "an entry of another job is not looked at")
        let before = self
        id = entry.id
        submitted = submitted ?? (entry.submitted.isEmpty ? nil : entry.submitted)
        (timesAbsent, doubtedAt) = (0, nil)
        switch entry.state {
        case .pending: (phase, reason) = (.pending, entry.reason)
        case .running: (phase, reason) = (.running, "")
        case .completing: (phase, reason) = (.completing, "")
        case .ended(let word):
            if phase != .ended { endedAt = now }
            (phase, end, reason) = (.ended, word, "")
        }
        if phase != .pending { place = nil }
        if !entry.node.isEmpty { node = entry.node }
        if phase == .running, before.phase != .running || startedAt == nil {
            startedAt = entry.used.map { now.addingTimeInterval(-Double($0)) }
            endsAt = entry.left.map { now.addingTimeInterval(Double($0)) }
        }
        return self != before
    }

    /// Where it stands among all that wait; nil where it does not wait for room.
    ///
    /// - Returns: true where that is new.
    @discardableResult
    public mutating func stand(at place: QueuePlace?) -> Bool {
        guard phase == .pending, self.place != place else { return false }
        self.place = place
        return true
    }

    /// The controller answered, and the job was not in its answer: that proves nothing.
    @discardableResult
    public mutating func miss(at now: Date) -> Bool {
        timesAbsent += 1
        guard phase != .ended, let id, timesAbsent >= 3 else { return false }
        let why = "Slurm does not know job \(id) any more, and there is no result"
        guard phase != .lost || reason != why else { return false }
        (phase, reason) = (.lost, why)
        return true
    }

    /// The controller does not answer.
    @discardableResult
    public mutating func loseContact(_ why: String) -> Bool {
        guard phase == .pending || phase == .running || phase == .completing else { return false }
        (phase, reason) = (.lost, why)
        return true
    }

    /// What its folder says: it ended by itself with this status, whatever is known of the job.
    public mutating func ended(status: Int, at now: Date) {
        guard phase != .ended else { return }
        (phase, end, endedAt, reason) = (.ended, status == 0 ? "COMPLETED" : "FAILED", now, "")
    }

    /// How it stands, one line for a person.
    public func text(at now: Date) -> String {
        let job = id.map { "Slurm job \($0)" } ?? "submission"
        switch phase {
        case .intended:
            return reason.isEmpty
                ? "being submitted to Slurm" : "in doubt whether it is in the queue: \(reason)"
        case .pending:
            return "\(job) \(isHeld ? "held" : "waits")" + (reason.isEmpty ? "" : " (\(reason))")
                + (place.map { ", \($0.text)" } ?? "")
        case .running:
            var text = "\(job) runs" + (node.isEmpty ? "" : " on \(node)")
            if let startedAt {
                text += ", \(SlurmText.time(max(0, Int(now.timeIntervalSince(startedAt))))) used"
            }
            if let endsAt { text += ", \(SlurmText.time(max(0, Int(endsAt.timeIntervalSince(now))))) left" }
            return text
        case .completing: return "\(job) is completing"
        case .lost: return "lost contact with \(job): \(reason)"
        case .ended: return "\(job) has ended (\(end ?? "unknown"))"
        }
    }
}

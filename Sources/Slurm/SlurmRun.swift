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
    /// Steps, or points, that the package had when it was submitted.
    public let stepsBefore: Int
    /// What was submitted of an array; nil for a job of its own.
    public let array: RunArray?
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
    /// Of an array: how its elements stand.
    public private(set) var tally: ArrayTally?

    public init(
        name: String, number: Int, request: SlurmResources, stepsBefore: Int, array: RunArray? = nil,
        intendedAt: Date
    ) {
        self.array = array
        tally = array.map { _ in ArrayTally() }
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

    /// The controller, or its data base, shows the job: in a line, or an array in several.
    ///
    /// - Returns: true where there is something new to tell.
    @discardableResult
    public mutating func see(_ entries: [QueueEntry], at now: Date) -> Bool {
        precondition(entries.allSatisfy(matches), "an entry of another job is not looked at")
        guard let entry = array == nil ? entries.last : folded(entries) else { return false }
        let before = self
        tally = array.map { tally?.seeing(entries, among: $0.elements) ?? ArrayTally() }
        id = entry.id
        submitted = submitted ?? (entry.submitted.isEmpty ? nil : entry.submitted)
        (timesAbsent, doubtedAt) = (0, nil)
        switch entry.state {
        case .pending: (phase, reason) = (.pending, entry.reason)
        case .running: (phase, reason) = (.running, "")
        case .completing: (phase, reason) = (.completing, "")
        case .ended(let word):
            if phase != .ended { endedAt = now }
            (phase, end, reason) = (.ended, tally?.worst ?? word, "")
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

    /// An array as one job: it runs while one of its elements does, waits where none does, and is over when all are.
    private func folded(_ entries: [QueueEntry]) -> QueueEntry? {
        func first(_ isIt: (SlurmJobState) -> Bool) -> QueueEntry? { entries.first { isIt($0.state) } }
        if let alive = first({ $0 == .running }) ?? first({ $0 == .completing }) ?? first({ $0 == .pending })
        {
            return alive
        }
        guard var last = entries.last, let array else { return entries.last }
        let tally = (tally ?? ArrayTally()).seeing(entries, among: array.elements)
        // Elements that are not named any more are looked for like jobs that are not.
        if tally.ends.count < array.elements.count { last.state = .completing }
        return last
    }

    /// Elements of an array of which nothing is known, where none is in the queue any more.
    public var elementsUnseen: [Int] {
        guard let array, let tally, tally.running == 0, tally.pending == 0, phase != .ended else { return [] }
        return array.elements.filter { tally.ends[$0] == nil }
    }

    /// What its folder says of an element: it ended by itself with this status.
    public mutating func ended(element: Int, status: Int, at now: Date) {
        guard let array, array.elements.contains(element) else { return }
        if tally?.ends[element] == nil { tally?.ends[element] = status == 0 ? "COMPLETED" : "FAILED" }
        guard let tally, tally.ends.count == array.elements.count, phase != .ended else { return }
        (phase, end, endedAt, reason) = (.ended, tally.worst, now, "")
    }

    /// Jobs that it is in Slurm's queue, or may be.
    public var jobs: Int {
        guard let array else { return 1 }
        return max(0, array.elements.count - (tally?.ends.count ?? 0))
    }

    /// What its folder says: it ended by itself with this status, whatever is known of the job.
    public mutating func ended(status: Int, at now: Date) {
        guard phase != .ended else { return }
        (phase, end, endedAt, reason) = (.ended, status == 0 ? "COMPLETED" : "FAILED", now, "")
    }

    /// How it stands, one line for a person.
    ///
    /// - Parameters:
    ///   - done: of an array: how many are there.
    ///   - what: its elements are for.
    public func text(at now: Date, done: Int? = nil, what: String = "points") -> String {
        let job = id.map { "Slurm \(array == nil ? "job" : "array") \($0)" } ?? "submission"
        if let array, let tally, phase == .pending || phase == .running || phase == .completing {
            let parts = [
                done.map { "\($0) of \(array.total) \(what) done" },
                tally.running > 0 ? "\(tally.running) run" : nil,
                tally.pending > 0
                    ? "\(tally.pending) \(isHeld ? "held" : "wait")" + (reason.isEmpty ? "" : " (\(reason))")
                    : nil,
            ].compactMap { $0 }
            return parts.isEmpty ? "\(job) is completing" : "\(job): \(parts.joined(separator: ", "))"
        }
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

/// What of a package's points one submission is for.
public struct RunArray: Sendable, Equatable, Codable {
    /// Numbers of the points, ascending; of array elements the same.
    public var elements: [Int]
    /// Points of the package.
    public var total: Int

    public init(elements: [Int], total: Int) { (self.elements, self.total) = (elements, total) }
}

/// How the elements of an array stand.
public struct ArrayTally: Sendable, Equatable, Codable {
    public var pending = 0
    public var running = 0
    /// Slurm's word for how each ended that has.
    public var ends: [Int: String] = [:]

    public init() {}

    /// Slurm forgets elements that ended a while ago; here they are kept.
    func seeing(_ entries: [QueueEntry], among elements: [Int]) -> ArrayTally {
        var tally = self
        (tally.pending, tally.running) = (0, 0)
        let ours = Set(elements)
        for entry in entries {
            let seen = (entry.elements ?? []).filter(ours.contains)
            switch entry.state {
            case .pending: tally.pending += seen.count
            case .running, .completing: tally.running += seen.count
            case .ended(let word): for element in seen { tally.ends[element] = word }
            }
        }
        return tally
    }

    /// `COMPLETED` where all are; else what another ended with.
    var worst: String {
        ends.sorted { $0.key < $1.key }.map(\.value).first { $0 != "COMPLETED" } ?? "COMPLETED"
    }
}

public import Foundation

/// One submission of a package: the intention to submit it, and all later information about it. The type uses
/// no files and no commands; the necessary actions follow from its state.
public struct SlurmRun: Sendable, Equatable, Codable {
    public enum Phase: String, Sendable, Codable {
        /// To be submitted, or possibly submitted.
        case intended
        case pending
        case running
        case completing
        /// The run's state is unknown; the run may be found again.
        case lost
        /// Slurm reports the run's end; the folder shows whether there is a result.
        case ended
    }

    public let name: String
    /// Number of the run of this package, from 1.
    public let number: Int
    public let request: SlurmResources
    public let intendedAt: Date
    /// Number of steps (for single points: number of points) that the package had when the run was submitted.
    public let stepsBefore: Int
    /// The submitted part of an array; nil for a single job.
    public let array: RunArray?
    public private(set) var phase: Phase = .intended
    public private(set) var id: Int?
    /// Time of submission as Slurm first printed it.
    public private(set) var submitted: String?
    /// The reason for waiting, or what is known about a lost run.
    public private(set) var reason = ""
    /// The run's place among all waiting jobs; nil if it is unknown.
    public private(set) var place: QueuePlace?
    public private(set) var node = ""
    /// Start and time limit, by this machine's clock.
    public private(set) var startedAt: Date?
    public private(set) var endsAt: Date?
    /// Slurm's word for the end of the run.
    public private(set) var end: String?
    public private(set) var endedAt: Date?
    /// Number of consecutive answers of the controller that did not list the run.
    public private(set) var timesAbsent = 0
    /// Time since which it is unknown whether the run was submitted.
    public private(set) var doubtedAt: Date?
    /// True while the user has paused the job: Slurm holds the run, or the run ends after its current step.
    public var isHeld = false
    /// Resources for the next run, once decided.
    public var next: SlurmResources?
    /// Whether Slurm was asked to cancel the run.
    public var isWithdrawn = false
    /// For an array: the states of its elements.
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

    /// Records the number that `sbatch` returned, or that the run wrote at its start.
    public mutating func accept(id: Int) {
        self.id = id
        doubtedAt = nil
        if phase == .intended { (phase, reason) = (.pending, "") }
    }

    /// Records that it is unknown whether the run was submitted, for example because `sbatch` gave no answer.
    public mutating func doubt(_ why: String, at now: Date) {
        doubtedAt = doubtedAt ?? now
        reason = why
    }

    /// Returns true if the entry belongs to this run. The name is compared too, because Slurm reuses job numbers after
    /// its controller has lost its state.
    public func matches(_ entry: QueueEntry) -> Bool {
        entry.name == name && (id == nil || entry.id == id)
            && (submitted == nil || entry.submitted >= submitted ?? "")
    }

    /// Records the entries that the controller or the accounting database lists for this run; an array may have
    /// several.
    ///
    /// - Returns: true if the displayed state has changed.
    @discardableResult
    public mutating func see(_ entries: [QueueEntry], at now: Date) -> Bool {
        precondition(entries.allSatisfy(matches), "all entries belong to this job")
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

    /// Records the run's place among all waiting jobs; nil if the run does not wait for resources.
    ///
    /// - Returns: true if the place has changed.
    @discardableResult
    public mutating func stand(at place: QueuePlace?) -> Bool {
        guard phase == .pending, self.place != place else { return false }
        self.place = place
        return true
    }

    /// Records an answer of the controller that does not list this run. One such answer does not prove that the
    /// run is over.
    @discardableResult
    public mutating func miss(at now: Date) -> Bool {
        timesAbsent += 1
        guard phase != .ended, let id, timesAbsent >= 3 else { return false }
        let why = "Slurm does not know job \(id) any more, and there is no result"
        guard phase != .lost || reason != why else { return false }
        (phase, reason) = (.lost, why)
        return true
    }

    /// Records that the controller does not answer.
    @discardableResult
    public mutating func loseContact(_ why: String) -> Bool {
        guard phase == .pending || phase == .running || phase == .completing else { return false }
        (phase, reason) = (.lost, why)
        return true
    }

    /// Returns the state of an array as a whole: the array runs while one of its elements runs, waits if none
    /// runs, and is over when all elements are over.
    private func folded(_ entries: [QueueEntry]) -> QueueEntry? {
        func first(_ isIt: (SlurmJobState) -> Bool) -> QueueEntry? { entries.first { isIt($0.state) } }
        if let alive = first({ $0 == .running }) ?? first({ $0 == .completing }) ?? first({ $0 == .pending })
        {
            return alive
        }
        guard var last = entries.last, let array else { return entries.last }
        let tally = (tally ?? ArrayTally()).seeing(entries, among: array.elements)
        // The array is not over while the end of an element is unknown; such elements are queried like missing
        // runs.
        if tally.ends.count < array.elements.count { last.state = .completing }
        return last
    }

    /// Numbers of the array elements whose end is unknown although no element is in the queue any more;
    /// otherwise empty.
    public var elementsUnseen: [Int] {
        guard let array, let tally, tally.running == 0, tally.pending == 0, phase != .ended else { return [] }
        return array.elements.filter { tally.ends[$0] == nil }
    }

    /// Records the exit status that an element of the array wrote into the package's folder when it ended by
    /// itself.
    public mutating func ended(element: Int, status: Int, at now: Date) {
        guard let array, array.elements.contains(element) else { return }
        if tally?.ends[element] == nil { tally?.ends[element] = status == 0 ? "COMPLETED" : "FAILED" }
        guard let tally, tally.ends.count == array.elements.count, phase != .ended else { return }
        (phase, end, endedAt, reason) = (.ended, tally.worst, now, "")
    }

    /// Number of Slurm jobs that the run has in the queue, or may have.
    public var jobs: Int {
        guard let array else { return 1 }
        return max(0, array.elements.count - (tally?.ends.count ?? 0))
    }

    /// Records the exit status that the run wrote into the package's folder; it overrides all other evidence.
    public mutating func ended(status: Int, at now: Date) {
        guard phase != .ended else { return }
        (phase, end, endedAt, reason) = (.ended, status == 0 ? "COMPLETED" : "FAILED", now, "")
    }

    /// Returns the run's state in one line for the user.
    ///
    /// - Parameters:
    ///   - done: for an array, the number of finished elements.
    ///   - what: the noun for the array's elements.
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
                ? "being submitted to Slurm" : "it is not known whether the job is in the queue: \(reason)"
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

/// The part of a package's points that one submission computes.
public struct RunArray: Sendable, Equatable, Codable {
    /// Numbers of the points, ascending, which are also the numbers of the array elements.
    public var elements: [Int]
    /// Number of points in the package.
    public var total: Int

    public init(elements: [Int], total: Int) { (self.elements, self.total) = (elements, total) }
}

/// The states of the elements of an array.
public struct ArrayTally: Sendable, Equatable, Codable {
    public var pending = 0
    public var running = 0
    /// Slurm's word for the end of each finished element.
    public var ends: [Int: String] = [:]

    public init() {}

    /// Returns this tally after the given entries. Waiting and running elements are counted again from the
    /// entries; the ends of elements are kept, because Slurm forgets an element some time after its end.
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

    /// `COMPLETED` if all elements completed; otherwise the end of the first element that did not.
    var worst: String {
        ends.sorted { $0.key < $1.key }.map(\.value).first { $0 != "COMPLETED" } ?? "COMPLETED"
    }
}

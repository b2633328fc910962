import Foundation
import Slurm
import Testing

@Suite struct RunTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func run(number: Int = 1, time: Int? = 3600, memory: Int? = 1024, steps: Int = 0) -> SlurmRun {
        var request = SlurmResources()
        (request.time, request.memory) = (time, memory)
        return SlurmRun(
            name: "aurelax-a", number: number, request: request, stepsBefore: steps, intendedAt: start)
    }

    private func entry(_ state: SlurmJobState, id: Int = 7, submitted: String = "2026-11-23T22:15:00")
        -> QueueEntry
    {
        var entry = QueueEntry(id: id, name: "aurelax-a", state: state)
        entry.submitted = submitted
        return entry
    }

    private func ended(
        _ word: String, number: Int = 1, time: Int? = 3600, memory: Int? = 1024, steps: Int = 0
    ) -> SlurmRun {
        var run = run(number: number, time: time, memory: memory, steps: steps)
        run.accept(id: 7)
        run.see([entry(.ended(word))], at: start)
        return run
    }

    @Test("A run passes through the states of the queue") func aLifeInTheQueue() {
        var run = run()
        #expect(run.text(at: start) == "being submitted to Slurm")
        run.accept(id: 7)
        var waiting = entry(.pending)
        waiting.reason = "Priority"
        let isNew = [run.see([waiting], at: start), run.see([waiting], at: start)]
        #expect(isNew == [true, false], "the same state is not news the second time")
        #expect(run.text(at: start) == "Slurm job 7 waits (Priority)")
        var running = entry(.running)
        (running.used, running.left, running.node) = (60, 3540, "n1")
        run.see([running], at: start)
        #expect(run.text(at: start + 30) == "Slurm job 7 runs on n1, 00:01:30 used, 00:58:30 left")
        // If only the time used has changed, there is nothing new to report.
        (running.used, running.left) = (90, 3510)
        let passed = run.see([running], at: start + 30)
        #expect(!passed)
        run.see([entry(.completing)], at: start + 40)
        #expect(run.phase == .completing && run.endedAt == nil, "a completing job has not ended")
        run.see([entry(.ended("COMPLETED"))], at: start + 50)
        #expect(run.phase == .ended && run.endedAt == start + 50)
        run.see([entry(.ended("COMPLETED"))], at: start + 90)
        #expect(run.endedAt == start + 50)
    }

    /// One poll without the run proves nothing, and a run that counts as lost can be found again.
    @Test("A run is lost after three absences, and found again") func lostContact() {
        var run = run()
        run.accept(id: 7)
        run.see([entry(.running)], at: start)
        let missed = [run.miss(at: start), run.miss(at: start), run.miss(at: start)]
        #expect(missed == [false, false, true] && run.phase == .lost)
        #expect(run.text(at: start).hasPrefix("lost contact with Slurm job 7: "))
        run.see([entry(.running)], at: start)
        #expect(run.phase == .running && run.timesAbsent == 0)
        let isLost = run.loseContact("Slurm does not answer")
        #expect(isLost && run.phase == .lost)
        run.ended(status: 6, at: start)
        #expect(run.phase == .ended && run.end == "FAILED")
        let isLostAgain = run.loseContact("again")
        #expect(!isLostAgain)
    }

    /// Slurm uses numbers of jobs again after a controller has lost its state.
    @Test("Jobs of another name, number or submission time are ignored") func anotherJobIsNotOurs() {
        var run = run()
        #expect(run.matches(entry(.running, id: 3)), "the name is enough without a number")
        run.accept(id: 7)
        run.see([entry(.running)], at: start)
        #expect(!run.matches(entry(.running, id: 8)))
        #expect(!run.matches(entry(.running, submitted: "2026-11-23T22:14:59")))
        var other = entry(.running)
        other.name = "somebody-else"
        #expect(!run.matches(other))
    }

    private let rules: ResubmissionRules = {
        var rules = ResubmissionRules()
        (rules.limits.time, rules.limits.memory) = (3 * 3600, 3000)
        return rules
    }()

    private func evidence(_ steps: Int = 0, status: Int? = nil, stopped: Bool = false) -> RunEvidence {
        var evidence = RunEvidence()
        (evidence.steps, evidence.status, evidence.wasStopped) = (steps, status, stopped)
        evidence.lastLines = ["Traceback", "ImportError: gpaw"]
        return evidence
    }

    /// Returns the time limit (s) and the memory (MiB) that the next run requests; nil if there is no next run.
    private func next(_ run: SlurmRun, _ evidence: RunEvidence, idle: Int = 0) -> [Int?]? {
        guard case .again(let request, _) = rules.decision(run, evidence, idle: idle) else { return nil }
        return [request.time, request.memory]
    }

    private func stop(_ run: SlurmRun, _ evidence: RunEvidence, idle: Int = 0) -> String? {
        guard case .stop(let why) = rules.decision(run, evidence, idle: idle) else { return nil }
        return why
    }

    @Test("A resubmission gets more time, more memory or the same") func resources() {
        #expect(next(ended("TIMEOUT"), evidence(3)) == [7200, 1024])
        #expect(next(ended("TIMEOUT", time: 7200), evidence(3)) == [10800, 1024], "at most the limit")
        #expect(next(ended("TIMEOUT", time: 10800), evidence(3)) == [10800, 1024], "it made steps")
        #expect(next(ended("OUT_OF_MEMORY"), evidence()) == [3600, 2048])
        #expect(next(ended("OUT_OF_MEMORY", memory: 2048), evidence()) == [3600, 3000])
        #expect(next(ended("NODE_FAIL"), evidence()) == [3600, 1024])
        #expect(next(ended("PREEMPTED"), evidence()) == [3600, 1024])
        #expect(next(ended("FAILED"), evidence(5, status: 6, stopped: true)) == [3600, 1024])
        #expect(
            next(ended("FAILED"), evidence(0, status: 6, stopped: true)) == [7200, 1024],
            "too short for a step")
        var killed = evidence(status: 137)
        killed.lastLines = ["slurmstepd-n1: error: Detected 1 oom_kill event in StepId=3.batch."]
        #expect(next(ended("FAILED"), killed) == [3600, 2048])
        var locked = evidence(status: 9)
        locked.wasLocked = true
        #expect(next(ended("FAILED"), locked) == [3600, 1024])
    }

    @Test("A run is not resubmitted if that cannot help") func limits() {
        #expect(stop(ended("TIMEOUT", time: 10800), evidence())?.contains("all the time") == true)
        #expect(
            stop(ended("OUT_OF_MEMORY", memory: 3000), evidence())?.contains("all that is allowed") == true)
        #expect(stop(ended("OUT_OF_MEMORY", memory: nil), evidence())?.contains("requests no memory") == true)
        #expect(stop(ended("NODE_FAIL", number: 11), evidence(9))?.contains("10 times") == true)
        #expect(stop(ended("NODE_FAIL"), evidence(), idle: 3)?.contains("3 consecutive runs") == true)
        #expect(stop(ended("CANCELLED"), evidence()) != nil, "cancelled by a user")
        let failed = stop(ended("FAILED"), evidence(status: 1))
        #expect(
            failed
                == "Slurm job 7 ended without a result (FAILED, exit status 1)\n    Traceback\n    ImportError: gpaw"
        )
        var unprepared = evidence(status: Int(BatchJob.setupFailed))
        unprepared.lastLines = [
            "line 12: module: command not found", "setup failed with status 127: module load gpaw",
            "epilogue",
        ]
        #expect(
            stop(ended("FAILED"), unprepared)?.hasPrefix(
                "Slurm job 7 did not run: setup failed with status 127: module load gpaw\n") == true)
    }

    /// The marker in `result/` decides, not the state that Slurm reports. A paused job is not resubmitted.
    @Test("Results and pauses decide what follows") func resultsAndPauses() {
        var done = evidence()
        done.hasResult = true
        for word in ["COMPLETED", "TIMEOUT", "NODE_FAIL", "CANCELLED"] {
            #expect(rules.decision(ended(word), done, idle: 3) == .close("Slurm job 7 ended: \(word)"))
        }
        var held = ended("FAILED")
        held.isHeld = true
        guard case .close = rules.decision(held, evidence(2, status: 6, stopped: true), idle: 0) else {
            Issue.record("a paused job was resubmitted")
            return
        }
    }

    /// A run is the same after it was saved in the store and read again.
    @Test("A run is stored and read again") func itIsKept() throws {
        var run = ended("TIMEOUT")
        run.isHeld = true
        let copy = try JSONDecoder().decode(SlurmRun.self, from: JSONEncoder().encode(run))
        #expect(copy == run)
    }
}

import TestTags
import Testing
import Workflow

@Suite struct JobMachineTests {
    private static let verdict = StageVerdict(converged: true, steps: 7, fmax: 0.04, text: "converged")
    private static let events: [(name: String, event: JobEvent)] = [
        ("start", .start), ("held", .held("waiting for a")), ("dependency lost", .dependencyLost("a failed")),
        ("stage ended", .stageEnded(verdict)), ("stage failed", .stageFailed("no", again: false)),
        ("failed for now", .stageFailed("no", again: true)), ("interrupted", .interrupted("stopped")),
        ("published", .packagePublished), ("refused", .resultRefused("not it")),
        ("accepted", .resultAccepted(verdict)), ("cancel", .cancel), ("pause", .pause),
        ("resume", .resume), ("retry", .retry), ("noted", .noted("waits in a queue")),
    ]

    /// The table lists what each event does to a job of two stages in the second attempt at its first stage. Events
    /// that are not in the table do nothing.
    @Test("Every event is defined in every state") func everyEventInEveryState() {
        var table: [String] = []
        for kind in StageKind.allCases {
            for state in JobState.allCases where kind.isOutside || state != .waitingForDFT {
                for (name, event) in Self.events {
                    let before = JobMachine(
                        state: state, reason: "before", stage: 0, attempt: 2, stages: [kind, .dft])
                    var machine = before
                    guard machine.handle(event) else {
                        #expect(machine == before, "\(state) \(name): refused, but changed the job")
                        continue
                    }
                    #expect(machine.reason != "before" && !machine.reason.isEmpty, "\(state) \(name)")
                    let place = "stage \(machine.stage + 1), attempt \(machine.attempt)"
                    table.append(
                        "\(kind.rawValue) \(state.rawValue): \(name) → \(machine.state.rawValue), \(place)")
                }
            }
        }
        let expected = """
            ml queued: start → running, stage 1, attempt 2
            ml queued: held → queued, stage 1, attempt 2
            ml queued: dependency lost → failed, stage 1, attempt 2
            ml queued: cancel → cancelled, stage 1, attempt 2
            ml queued: pause → paused, stage 1, attempt 2
            ml running: stage ended → queued, stage 2, attempt 1
            ml running: stage failed → failed, stage 1, attempt 2
            ml running: failed for now → queued, stage 1, attempt 3
            ml running: interrupted → queued, stage 1, attempt 2
            ml running: cancel → cancelled, stage 1, attempt 2
            ml running: pause → paused, stage 1, attempt 2
            ml running: noted → running, stage 1, attempt 2
            ml failed: retry → queued, stage 1, attempt 3
            ml cancelled: retry → queued, stage 1, attempt 3
            ml paused: cancel → cancelled, stage 1, attempt 2
            ml paused: resume → queued, stage 1, attempt 2
            dft queued: start → running, stage 1, attempt 2
            dft queued: held → queued, stage 1, attempt 2
            dft queued: dependency lost → failed, stage 1, attempt 2
            dft queued: cancel → cancelled, stage 1, attempt 2
            dft queued: pause → paused, stage 1, attempt 2
            dft running: stage failed → failed, stage 1, attempt 2
            dft running: failed for now → queued, stage 1, attempt 3
            dft running: interrupted → queued, stage 1, attempt 2
            dft running: published → waiting-for-dft, stage 1, attempt 2
            dft running: cancel → cancelled, stage 1, attempt 2
            dft running: pause → paused, stage 1, attempt 2
            dft waiting-for-dft: stage failed → failed, stage 1, attempt 2
            dft waiting-for-dft: failed for now → failed, stage 1, attempt 2
            dft waiting-for-dft: refused → waiting-for-dft, stage 1, attempt 2
            dft waiting-for-dft: accepted → queued, stage 2, attempt 1
            dft waiting-for-dft: cancel → cancelled, stage 1, attempt 2
            dft waiting-for-dft: pause → paused, stage 1, attempt 2
            dft waiting-for-dft: noted → waiting-for-dft, stage 1, attempt 2
            dft failed: retry → queued, stage 1, attempt 3
            dft cancelled: retry → queued, stage 1, attempt 3
            dft paused: cancel → cancelled, stage 1, attempt 2
            dft paused: resume → queued, stage 1, attempt 2
            """
        let lines = expected.split(separator: "\n").map(String.init)
        // Single points are calculated outside the daemon, like a DFT relaxation, so they have the same lines.
        let points = lines.filter { $0.hasPrefix("dft ") }.map { "single-points" + $0.dropFirst(3) }
        #expect(table == lines + points)
    }

    /// Applies the events one after the other, and expects that each one changes the state.
    private func expect(
        _ machine: inout JobMachine, _ events: JobEvent..., location: SourceLocation = #_sourceLocation
    ) {
        for event in events {
            let means = machine.handle(event)
            #expect(
                means, "\(event) means nothing to a job that is \(machine.state)", sourceLocation: location)
        }
    }

    @Test("A chain of stages runs to its end") func chainOfStagesToItsEnd() {
        var machine = JobMachine(stages: [.ml, .dft, .ml, .dft])
        for stage in stride(from: 0, to: 4, by: 2) {
            #expect((machine.state, machine.stage) == (.queued, stage))
            expect(&machine, .start, .stageEnded(Self.verdict))
            #expect((machine.state, machine.stage) == (.queued, stage + 1))
            expect(&machine, .start, .packagePublished)
            #expect(machine.state == .waitingForDFT)
            expect(&machine, .resultAccepted(Self.verdict))
        }
        #expect((machine.state, machine.stage, machine.reason) == (.completed, 3, "converged"))
    }

    /// If a stage has used up its steps, its result goes to the following stage; if it is the last stage, the job
    /// fails.
    @Test("Only the last stage decides the job's end") func onlyTheLastStageDecides() {
        let unconverged = StageVerdict(
            converged: false, steps: 200, fmax: 0.3, text: "fmax 0.3 after 200 steps")
        var machine = JobMachine(stages: [.ml, .ml])
        expect(&machine, .start, .stageEnded(unconverged))
        #expect((machine.state, machine.stage) == (.queued, 1))
        #expect(machine.reason.contains("fmax 0.3 after 200 steps"))
        expect(&machine, .start, .stageEnded(unconverged))
        #expect((machine.state, machine.reason) == (.failed, "fmax 0.3 after 200 steps"))
    }

    @Test("A stage is tried at most three times", .tags(.fault29)) func fault29ThreeAttempts() {
        var machine = JobMachine(stages: [.ml])
        for attempt in 1...3 {
            #expect(machine.attempt == attempt)
            expect(&machine, .start, .stageFailed("no space", again: true))
        }
        #expect((machine.state, machine.attempt, machine.reason) == (.failed, 3, "no space"))
        let goesOn = machine.handle(.start)
        #expect(!goesOn)
    }

    @Test("The same reason again is not an event") func repeatedReason() {
        var machine = JobMachine(stages: [.ml])
        let changes = ["a", "a", "b"].map { machine.handle(.held("waiting for \($0)")) }
        #expect(changes == [true, false, true])
    }

    /// After events in any order, no stage was skipped or repeated after its end, the number of the attempt never fell,
    /// and a completed job is still completed.
    @Test("Any order of events leaves a valid state") func anyOrderOfEvents() {
        var seed: UInt64 = 2026
        func draw(below count: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % count
        }
        var completed = 0
        for _ in 0..<2000 {
            var machine = JobMachine(
                stages: (0..<1 + draw(below: 4)).map { _ in draw(below: 2) == 0 ? .ml : .dft })
            for _ in 0..<40 {
                let before = machine
                let (name, event) = Self.events[draw(below: Self.events.count)]
                guard machine.handle(event) else {
                    #expect(machine == before)
                    continue
                }
                let ends = name == "stage ended" || name == "accepted"
                #expect(before.state != .completed)
                #expect(machine.stage == before.stage || (ends && machine.stage == before.stage + 1))
                #expect(machine.stage != before.stage || machine.attempt >= before.attempt)
                #expect(!ends || before.state == (name == "accepted" ? .waitingForDFT : .running))
                #expect(machine.state != .completed || machine.stage == machine.stages.count - 1)
            }
            completed += machine.state == .completed ? 1 : 0
        }
        #expect(completed > 0, "the random events never completed a job")
    }
}

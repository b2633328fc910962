import JobSpec
import Testing
import Workflow

/// The decision that a hybrid stage makes after a check.
@Suite struct HybridDecisionTests {
    private func check(
        _ stage: Int, energy: Double, fmax: Double, error: Double? = 0.05, calls: Int = 1
    ) -> HybridCheck {
        HybridCheck(stage: stage, energy: energy, fmax: fmax, modelError: error, gradientCalls: calls)
    }

    private func decide(_ checks: [HybridCheck], isConverged: Bool = false) -> HybridDecision {
        HybridDecision(after: checks, isConverged: isConverged, mlFmax: 0.1, rounds: 3, maxGradientCalls: 10)
    }

    @Test("Convergence ends the stage") func convergedEndsIt() {
        #expect(
            decide([check(1, energy: -1, fmax: 0.04)], isConverged: true)
                == .finish(stage: 1, "round 1: fmax 0.040 eV/Å in its check: converged"))
    }

    @Test("An accurate model gets another round") func goodModel() {
        #expect(
            decide([check(1, energy: -1, fmax: 0.4)])
                == .goOn(
                    "round 1: fmax 0.400 eV/Å in its check, largest force error of the model 0.050 eV/Å: "
                        + "another round"
                ))
        #expect(
            decide([check(1, energy: -1, fmax: 0.4, error: nil)])
                == .goOn(
                    "round 1: fmax 0.400 eV/Å in its check: another round"))
    }

    @Test("The stage ends if the model's error exceeds the remaining force") func inaccurateModel() {
        guard case .finish(1, let reason) = decide([check(1, energy: -1, fmax: 0.4, error: 0.31)]) else {
            Issue.record("the stage continues")
            return
        }
        #expect(reason.contains("the model's error (0.310 eV/Å)"))
    }

    @Test("A higher energy ends the stage with the best check") func uphill() {
        let decision = decide([
            check(1, energy: -1, fmax: 0.5), check(3, energy: -1.2, fmax: 0.3),
            check(5, energy: -1.1, fmax: 0.2),
        ])
        guard case .finish(3, let reason) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(reason.contains("0.100 eV above an earlier round; the structure of round 2 is kept"))
    }

    @Test("The limits of rounds and gradient calls are respected") func limitsHold() {
        let three = (0..<3).map { check(2 * $0 + 1, energy: -1 - Double($0), fmax: 0.4) }
        #expect(decide(three).reason.contains("after the 3 rounds allowed"))
        #expect(
            decide([check(1, energy: -1, fmax: 0.4, calls: 10)]).reason.contains(
                "the limit of gradient calls is reached (10)"))
    }

    /// If a check ends the stage, the remaining rounds are skipped.
    @Test("Rounds that are not needed are skipped") func whatIsLeftIsPassedOver() {
        var hybrid = HybridStage()
        hybrid.rounds = 3
        let job = Job(
            name: "h", structure: .file("h.xyz"), charge: 0, model: "m", priority: 0, after: [],
            stages: [.hybrid(hybrid), .dft(DFTStage())])
        #expect(job.plan.map(\.kind) == [.ml, .dft, .ml, .dft, .ml, .dft, .dft])
        #expect(job.plan.map(\.stage) == [0, 0, 0, 0, 0, 0, 1])
        #expect(job.plan[3].round?.number == 1 && job.plan[3].round?.stages == 0..<6)
        #expect(job.plan[6].round == nil)

        var machine = JobMachine(stages: job.plan.map(\.kind))
        let verdict = StageVerdict(converged: true, steps: 0, fmax: 0.01, text: "converged")
        for event: JobEvent in [.start, .stageEnded(verdict), .start, .packagePublished] {
            let isTaken = machine.handle(event)
            #expect(isTaken)
        }
        let isTaken = machine.handle(.resultAccepted(verdict, next: 6))
        #expect(isTaken)
        #expect((machine.state, machine.stage, machine.attempt) == (.queued, 6, 1))
        for event: JobEvent in [.start, .packagePublished, .resultAccepted(verdict)] {
            let isTaken = machine.handle(event)
            #expect(isTaken)
        }
        #expect(machine.state == .completed)
    }
}

import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import SystemPackage
import Testing

/// Real GPAW runs of H₂ on coarse grids: slow, and only where asked for.
@Suite(.enabled(if: Engines.runsSlowTests), .serialized) struct GPAWTests {
    private func package(_ mode: DFTStage.Mode, maxSteps: Int = 1) throws -> HandoffPackage {
        try HandoffPackage(
            Samples.request(
                Samples.hydrogen,
                settings: Samples.settings {
                    $0.mode = mode
                    $0.basis = "sz(dzp)"
                    $0.h = 0.3
                    $0.cutoff = 200
                    $0.vacuum = 2.5
                    $0.maxSteps = maxSteps
                }))
    }

    private func result(of directory: Directory, _ package: HandoffPackage) throws -> ReturnedResult {
        let files = try #require(try ReturnedFile.read(from: try directory.subdirectory("result")))
        return try ReturnedResult(files, expecting: package.expectation)
    }

    /// In every mode on one and two ranks: the same energies and forces.
    @Test(arguments: DFTStage.Mode.allCases)
    func oneRankAndTwoAgree(mode: DFTStage.Mode) async throws {
        let scratch = try Scratch()
        let package = try package(mode)
        var results: [ReturnedResult] = []
        for ranks in 1...2 {
            let directory = try scratch.publish(package, as: ranks == 1 ? "01-one" : "02-two")
            let outcome = try await Engines.runner(ranks: ranks).run(directory)
            #expect(outcome == .finished(.stepLimit))
            let result = try result(of: directory, package)
            #expect(result.ranks == ranks)
            #expect(try #require(result.scfCycles) > 5)
            #expect(result.gradientCalls == 2)
            results.append(result)
        }
        for (one, two) in zip(results[0].path.energies, results[1].path.energies) {
            #expect(abs(one - two) < 1e-3)
        }
        for (one, two) in zip(results[0].path.fmax, results[1].path.fmax) { #expect(abs(one - two) < 0.02) }
    }

    /// Both ranks killed in the middle of a step, then to convergence.
    @Test func killedRanksLeaveNothingBehindAndTheRunGoesOn() async throws {
        let scratch = try Scratch()
        let package = try package(.lcao, maxSteps: 40)
        let directory = try scratch.publish(package)
        let run = Task { try await Engines.runner(ranks: 2).run(directory) }
        try await Processes.waitForStep(1, of: directory)
        let ranks = try Processes.working(in: directory).filter { $0.name.hasPrefix("python") }
        #expect(ranks.count == 2)
        for rank in ranks { kill(rank.identifier, SIGKILL) }
        guard case .crashed = try await run.value else {
            Issue.record("\(try await run.value)")
            return
        }
        #expect(try Processes.working(in: directory).isEmpty)
        let steps = try Processes.steps(of: directory)
        #expect(try await Engines.runner(ranks: 2).run(directory) == .finished(.converged))
        let result = try result(of: directory, package)
        #expect(result.isConverged)
        #expect(result.path.steps > steps)
        // GPAW's single-zeta H₂ on this grid is longer than nature's 0.74 Å.
        let final = try #require(result.final)
        #expect((0.70...0.90).contains((final.positions[1] - final.positions[0]).length))
    }

    /// Two ranks asked to stop end within the time allowed, none is left behind.
    @Test func twoRanksStop() async throws {
        let scratch = try Scratch()
        let package = try package(.fd, maxSteps: 40)
        let directory = try scratch.publish(package)
        let run = Task { try await Engines.runner(ranks: 2, grace: .seconds(2)).run(directory) }
        try await Processes.waitForStep(0, of: directory)
        let clock = ContinuousClock()
        let asked = clock.now
        run.cancel()
        #expect(try await run.value == .stopped)
        #expect(clock.now - asked < .seconds(10))
        #expect(try Processes.working(in: directory).isEmpty)
    }

    /// Too few cycles for the density to converge: a verdict, and what there is.
    @Test func aSelfConsistencyThatDoesNotConvergeIsAVerdict() async throws {
        let scratch = try Scratch()
        let package = try HandoffPackage(
            Samples.request(
                Samples.hydrogen,
                settings: Samples.settings {
                    $0.h = 0.3
                    $0.vacuum = 2.5
                }
            ) { $0.options.maxSCFCycles = 3 })
        let directory = try scratch.publish(package)
        #expect(try await Engines.runner(ranks: 1).run(directory) == .finished(.notSelfConsistent))
        let result = try result(of: directory, package)
        #expect(result.verdict == .notSelfConsistent)
        #expect(result.final == nil)
        #expect(result.gradientCalls == 1)
    }
}

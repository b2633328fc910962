import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import Synchronization
import SystemPackage
import Structures
import TestTags
import Testing

/// Real runs with GFN1-xTB, which take seconds.
@Suite(.enabled(if: Engines.hasPython), .serialized) struct TBLiteTests {
    private func package(
        _ atoms: Atoms = Samples.sulfide, change: (inout HandoffRequest) -> Void = { _ in }
    ) throws -> HandoffPackage {
        try HandoffPackage(
            Samples.request(
                atoms,
                settings: Samples.settings {
                    $0.engine = .tblite
                    $0.fmax = 0.01
                }, change: change))
    }

    private func result(of directory: Directory, _ package: HandoffPackage) throws -> ReturnedResult? {
        guard let files = try ReturnedFile.read(from: try directory.subdirectory("result")) else {
            return nil
        }
        return try ReturnedResult(files, expecting: package.expectation)
    }

    @Test("A package runs and its result is accepted") func packageRuns() async throws {
        let scratch = try Scratch()
        let package = try package()
        let directory = try scratch.publish(package)
        let seen = Mutex<[RunProgress]>([])
        let outcome = try await Engines.runner().run(directory) { progress in
            seen.withLock { $0.append(progress) }
        }
        #expect(outcome == .finished(.converged))
        let result = try #require(try result(of: directory, package))
        #expect(result.isConverged)
        #expect(try #require(result.path.fmax.last) < 0.01)
        #expect(result.path.steps > 2)
        #expect(result.levelOfTheory?.hasPrefix("tblite ") == true)
        #expect(result.notes == ["GFN1-xTB is a semi-empirical method, not DFT"])
        #expect(result.gradientCalls == result.path.steps + 1)
        // The length of an S–H bond by GFN1-xTB.
        let final = try #require(result.final)
        let bond = (final.positions[1] - final.positions[0]).length
        #expect((1.30...1.42).contains(bond))
        let last = try #require(seen.withLock { $0.last })
        #expect(last.state == "converged")
        #expect(last.steps == result.path.steps)
        #expect(last.fmax == result.path.fmax.last)

        #expect(try await Engines.runner().run(directory) == .alreadyFinished(.converged))
    }

    @Test("Fixed atoms stay in place") func fixedAtomsStay() async throws {
        let scratch = try Scratch()
        let package = try package { $0.movable = [true, true, false] }
        let directory = try scratch.publish(package)
        #expect(try await Engines.runner().run(directory) == .finished(.converged))
        let result = try #require(try result(of: directory, package))
        #expect(result.final?.positions[2] == Samples.sulfide.positions[2])
        #expect(result.final?.moveMask == [true, true, false])
        // Forces are raw: the force on the fixed atom is not set to zero.
        #expect(try #require(result.final?.forces?[2]).length > 0)
    }

    /// The run resumes from a truncated trajectory and takes the path of an uninterrupted run. Small differences
    /// remain, because self-consistency begins with another guess.
    @Test("A run resumes from its own trajectory") func resumes() async throws {
        let scratch = try Scratch()
        let package = try package()
        let whole = try scratch.publish(package, as: "01-whole")
        #expect(try await Engines.runner().run(whole) == .finished(.converged))
        let expected = try #require(try result(of: whole, package))

        let parts = try scratch.publish(package, as: "01-parts")
        let results = try parts.makeSubdirectory("result")
        let trajectory = try #require(try whole.subdirectory("result").read("trajectory.extxyz"))
        let lines = trajectory.split(separator: 10, omittingEmptySubsequences: false)
        // The first two frames, and half of the third.
        let torn = lines.prefix(13).joined(separator: [10])
        try results.create("trajectory.extxyz", Array(torn))
        #expect(try await Engines.runner().run(parts) == .finished(.converged))
        let result = try #require(try result(of: parts, package))
        #expect(result.path.energies.prefix(2) == expected.path.energies.prefix(2))
        #expect(result.path.steps == expected.path.steps)
        for (a, b) in zip(result.path.energies, expected.path.energies) { #expect(abs(a - b) < 1e-6) }
        let ends = zip(try #require(result.final).positions, try #require(expected.final).positions)
        for (a, b) in ends { #expect((a - b).length < 1e-5) }
    }

    @Test("A run does not resume from another package's result") func otherTrajectory() async throws {
        let scratch = try Scratch()
        let first = try scratch.publish(try package(), as: "01-first")
        #expect(try await Engines.runner().run(first) == .finished(.converged))
        let second = try scratch.publish(try package { $0.attempt = 3 }, as: "01-second")
        let result = try second.makeSubdirectory("result")
        let trajectory = try #require(try first.subdirectory("result").read("trajectory.extxyz"))
        try result.create("trajectory.extxyz", trajectory)
        guard case .refused(let reason) = try await Engines.runner().run(second) else {
            Issue.record("the package was run")
            return
        }
        #expect(reason.contains("belongs to another run"))
        #expect(try result.read("trajectory.extxyz") == trajectory)
    }

    @Test("A server runs only published packages") func servedPackages() async throws {
        let scratch = try Scratch()
        let known = try package()
        let unknown = try package { $0.attempt = 9 }
        let first = try scratch.publish(known, as: "01-known")
        let second = try scratch.publish(unknown, as: "02-unknown")
        var options = PackageServer.Options()
        options.once = true
        options.interval = .milliseconds(50)
        let server = PackageServer(
            outbox: scratch.path.appending("outbox"), runner: Engines.runner(), options: options,
            turns: { ["job/02-unknown", "job/03-gone", "job/01-known"] }, isPublished: { $0 == known.digest })
        let events = Mutex<[PackageServer.Event]>([])
        try await server.run { event in events.withLock { $0.append(event) } }
        let kinds = events.withLock { $0 }.filter { if case .progress = $0.kind { false } else { true } }
        #expect(
            kinds.map(\.kind) == [
                .skipped("this daemon has not handed off a package with this MANIFEST.json"),
                .started, .ended(.finished(.converged)),
            ])
        #expect(try result(of: first, known)?.isConverged == true)
        #expect(try second.status(of: "result") == nil)
    }

    @Test(
        "A package whose result is a link is not run; files beside the scripts are not imported"
    )
    func aBadPackageIsLeftAloneAndTheNextIsRun() async throws {
        let scratch = try Scratch()
        let first = try package { $0.attempt = 1 }
        let second = try package { $0.attempt = 2 }
        let bad = try scratch.publish(first, as: "01-bad")
        let good = try scratch.publish(second, as: "02-good")
        try FileManager.default.createSymbolicLink(
            atPath: bad.path.appending("result").string, withDestinationPath: "/tmp")
        try good.create("numpy.py", Array("raise SystemExit(8)\n".utf8))
        try good.create("json.py", Array("raise SystemExit(8)\n".utf8))
        var options = PackageServer.Options()
        options.once = true
        options.interval = .milliseconds(50)
        let server = PackageServer(
            outbox: scratch.path.appending("outbox"), runner: Engines.runner(), options: options,
            turns: { ["job/01-bad", "job/02-good"] }, isPublished: { _ in true })
        let events = Mutex<[PackageServer.Event]>([])
        try await server.run { event in events.withLock { $0.append(event) } }
        let told = events.withLock { $0.map(\.description) }
        #expect(told.contains { $0.contains("01-bad: not run: its result is a symbolic link") }, "\(told)")
        #expect(try result(of: good, second)?.isConverged == true)
    }

    /// A package with a higher priority arrives during a run. It is run before the packages that wait already.
    @Test("A server chooses the next package after each run") func servedOrder() async throws {
        let scratch = try Scratch()
        var digests: Set<Digest> = []
        for (attempt, name) in zip(1..., ["01-a", "01-b", "01-c"] as [FilePath.Component]) {
            let package = try package { $0.attempt = attempt }
            digests.insert(package.digest)
            _ = try scratch.publish(package, as: name)
        }
        var options = PackageServer.Options()
        options.once = true
        let started = Mutex<[String]>([])
        let published = digests
        let server = PackageServer(
            outbox: scratch.path.appending("outbox"), runner: Engines.runner(), options: options,
            turns: {
                started.withLock { $0.isEmpty }
                    ? ["job/01-c", "job/01-a"] : ["job/01-b", "job/01-c", "job/01-a"]
            }, isPublished: { published.contains($0) })
        try await server.run { event in
            guard case .started = event.kind else { return }
            started.withLock { $0.append(event.package.lastComponent?.string ?? "") }
        }
        #expect(started.withLock { $0 } == ["01-c", "01-b", "01-a"])
    }

    @Test("A missing program is a refusal") func missingProgram() async throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(try package())
        var options = LocalRunner.Options()
        options.python = "/nonexistent/python"
        guard case .refused(let reason) = try await LocalRunner(options).run(directory) else {
            Issue.record("the package was run")
            return
        }
        #expect(reason.contains("/nonexistent/python"))
    }

    /// Returns a server that runs the package of the first stage and then ends.
    private func server(
        of scratch: Scratch, _ runner: LocalRunner.Options, pause: Duration
    ) -> PackageServer {
        var options = PackageServer.Options()
        options.once = true
        options.interval = .milliseconds(20)
        options.pause = pause
        return PackageServer(
            outbox: scratch.path.appending("outbox"), runner: LocalRunner(runner), options: options,
            turns: { ["job/01-dft"] }, isPublished: { _ in true })
    }

    @Test("A crashing package is given up with the verdict crashed", .tags(.fault29))
    func fault29Crashes() async throws {
        let scratch = try Scratch()
        let package = try package()
        let directory = try scratch.publish(package)
        // The Python is killed like a process that has run out of memory.
        try scratch.directory.create(
            "python",
            Array(
                "#!/bin/sh\n[ \"$1\" = -c ] && exec \(Engines.runner().options.python) \"$@\"\necho boom\nkill -9 $$\n"
                    .utf8),
            mode: 0o755)
        var runner = LocalRunner.Options()
        runner.python = scratch.path.appending("python").string
        let server = server(of: scratch, runner, pause: .milliseconds(20))
        let events = Mutex<[PackageServer.Event]>([])
        try await server.run { event in events.withLock { $0.append(event) } }
        let told = events.withLock { $0.map(\.description) }
        #expect(told.count { $0.hasSuffix(": started") } == 3, "\(told)")
        #expect(told.last?.hasSuffix(": crashed too often; it is not started again") == true)
        let result = try #require(try result(of: directory, package))
        #expect(result.verdict == .crashed)
        #expect(result.message.contains("boom"))
        #expect(result.final == nil)
    }

    @Test("Crashes are counted between two gradients, not over the package's lifetime")
    func crashesBetweenGradients() async throws {
        let scratch = try Scratch()
        let package = try package()
        let directory = try scratch.publish(package)
        // The Python is killed seven times: five times after one more gradient each, then twice without a new gradient.
        try scratch.directory.create(
            "python",
            Array(
                """
                #!/bin/sh
                [ "$1" = -c ] && exec \(Engines.runner().options.python) "$@"
                n=$(cat \(scratch.path.string)/count 2>/dev/null || echo 0); n=$((n+1)); echo $n >\(scratch.path.string)/count
                g=$n; [ $g -gt 5 ] && g=5
                echo '{"job":"job","stage":1,"attempt":1,"state":"running","message":"","steps":'$g',"gradient_calls":'$g',"wall_time":1}' >result/progress.json
                kill -9 $$

                """.utf8),
            mode: 0o755)
        var runner = LocalRunner.Options()
        runner.python = scratch.path.appending("python").string
        let server = server(of: scratch, runner, pause: .milliseconds(5))
        let starts = Mutex(0)
        try await server.run { event in if case .started = event.kind { starts.withLock { $0 += 1 } } }
        #expect(starts.withLock { $0 } == 7)
        #expect(try #require(try result(of: directory, package)).verdict == .crashed)
    }

    /// The optimiser starts from the engine's own Hessian, which was calculated by central differences. No other
    /// Hessian is more accurate, so it must save steps.
    @Test("A Hessian saves steps") func aHessianSavesSteps() async throws {
        let scratch = try Scratch()
        let plain = try package()
        let hessian = try numericHessian(of: Samples.sulfide, in: scratch)
        let guided = try package { $0.hessian = hessian }
        let first = try scratch.publish(plain, as: "01-plain")
        let second = try scratch.publish(guided, as: "02-guided")
        #expect(try await Engines.runner().run(first) == .finished(.converged))
        #expect(try await Engines.runner().run(second) == .finished(.converged))
        let without = try #require(try result(of: first, plain))
        let with = try #require(try result(of: second, guided))
        #expect(with.path.steps < without.path.steps)
        #expect(abs((with.final?.energy ?? 0) - (without.final?.energy ?? 1)) < 1e-4)
    }

    /// Returns ∂²E/∂r∂r by GFN1-xTB, 3N×3N, row-major, eV/Å².
    private func numericHessian(of atoms: Atoms, in scratch: Scratch) throws -> [Double] {
        let script = """
            import sys, numpy as np
            from ase.io import read
            from tblite.ase import TBLite
            atoms = read(sys.argv[1], format='extxyz')
            atoms.calc = TBLite(method='GFN1-xTB', verbosity=0)
            start, d = atoms.positions.copy(), 0.005
            def forces(k, sign):
                atoms.positions = start
                atoms.positions.ravel()[k] += sign * d
                return atoms.get_forces().ravel().copy()
            for k in range(3 * len(atoms)):
                print(*(float(x) for x in (forces(k, -1) - forces(k, 1)) / (2 * d)))
            """
        try scratch.directory.replace("start.extxyz", ExtXYZ.bytes(of: [atoms]))
        let python = Process()
        python.executableURL = URL(filePath: try #require(Engines.python))
        python.arguments = ["-c", script, scratch.path.appending("start.extxyz").string]
        let output = Pipe()
        python.standardOutput = output
        try python.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        python.waitUntilExit()
        let values = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(values.count == 9 * atoms.count * atoms.count)
        return values
    }

    /// After a request to stop, the run keeps its steps and leaves no process. Started again, it resumes.
    @Test("A run stops on request and resumes", .tags(.fault30)) func fault30StopRequest() async throws {
        let scratch = try Scratch()
        let package = try package(GoldThiolateRing(n: 3).atoms)
        let directory = try scratch.publish(package)
        let run = Task { try await Engines.runner().run(directory) }
        try await Processes.waitForStep(2, of: directory)
        run.cancel()
        #expect(try await run.value == .stopped)
        #expect(try await Processes.areGone(from: directory))
        let steps = try Processes.steps(of: directory)
        #expect(steps >= 2)
        #expect(try result(of: directory, package) == nil)

        let again = Task { try await Engines.runner().run(directory) }
        try await Processes.waitForStep(steps + 1, of: directory)
        again.cancel()
        #expect(try await again.value == .stopped)
        #expect(try await Processes.areGone(from: directory))
    }

    /// The run is killed like a process that has run out of memory. Started again it resumes, and its complete path is
    /// accepted.
    @Test("A killed run resumes", .tags(.fault30)) func fault30Killed() async throws {
        let scratch = try Scratch()
        let package = try HandoffPackage(
            Samples.request(
                GoldThiolateRing(n: 3).atoms,
                settings: Samples.settings {
                    $0.engine = .tblite
                    $0.fmax = 0.001
                    $0.maxSteps = 30
                }))
        let directory = try scratch.publish(package)
        let run = Task { try await Engines.runner().run(directory) }
        try await Processes.waitForStep(3, of: directory)
        for process in try Processes.working(in: directory) where process.name.hasPrefix("python") {
            kill(process.identifier, SIGKILL)
        }
        guard case .crashed = try await run.value else {
            Issue.record("\(try await run.value)")
            return
        }
        let steps = try Processes.steps(of: directory)
        #expect(steps >= 3)
        #expect(try await Engines.runner().run(directory) == .finished(.stepLimit))
        let result = try #require(try result(of: directory, package))
        #expect(result.path.steps == 30)
        #expect(result.best != nil)
        #expect(result.gradientCalls == 31)
    }

    /// A run that hangs is killed with all processes that it started.
    @Test("A silent run is killed", .tags(.fault30)) func fault30Silent() async throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(try package())
        try scratch.directory.create(
            "python",
            Array(
                "#!/bin/sh\n[ \"$1\" = -c ] && exec \(Engines.runner().options.python) \"$@\"\ntrap '' TERM\nsleep 100\n"
                    .utf8),
            mode: 0o755)
        var options = LocalRunner.Options()
        options.python = scratch.path.appending("python").string
        options.silence = .seconds(1)
        options.grace = .seconds(1)
        guard case .crashed(let status, _) = try await LocalRunner(options).run(directory) else {
            Issue.record("the silent run was not killed")
            return
        }
        #expect(status.hasPrefix("no output for"))
        #expect(try await Processes.areGone(from: directory))
    }

    /// As with Slurm, the batch shell gets USR1. The run ends after its step with the status for a stop. Until then, no
    /// other process can run the package.
    @Test("The script alone ends on a signal") func signalToScript() async throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(try package(GoldThiolateRing(n: 3).atoms))
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = [directory.path.appending("run.sh").string]
        shell.environment = ProcessInfo.processInfo.environment
        shell.standardOutput = FileHandle.nullDevice
        try shell.run()
        try await Processes.waitForStep(1, of: directory)
        let second = try await Engines.runner().run(directory)
        guard case .busy = second else {
            Issue.record("the package ran twice, or failed: \(second)")
            return
        }
        #expect(second.exitCode == PackageExit.busy.rawValue)
        kill(shell.processIdentifier, SIGUSR1)
        shell.waitUntilExit()
        #expect(shell.terminationStatus == ResultVerdict.stopped.exitCode)
        #expect(try Processes.steps(of: directory) >= 1)
        #expect(try directory.subdirectory("result").status(of: "DONE.json") == nil)
    }

    @Test("Two runners do not run the same package") func twoRunners() async throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(try package(GoldThiolateRing(n: 3).atoms))
        let run = Task { try await Engines.runner().run(directory) }
        try await Processes.waitForStep(0, of: directory)
        guard case .busy(let holder) = try await Engines.runner().run(directory) else {
            Issue.record("the package ran twice")
            return
        }
        #expect(holder.contains("process \(getpid())"))
        run.cancel()
        _ = try await run.value
    }
}

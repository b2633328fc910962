import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import SystemPackage
import Testing

/// The learning relaxation in a package. The engine is GFN1-xTB, the base GFN2-xTB, both through tblite.
@Suite(.enabled(if: Engines.hasPython), .serialized) struct LearningRunTests {
    /// The program under test, built beside this test bundle.
    private static let aurelax: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return FilePath(own).removingLastComponent().appending("aurelax").string
    }()

    private static func runner(_ program: String? = aurelax, ranks: Int? = nil) -> LocalRunner {
        var options = LocalRunner.Options()
        options.ranks = ranks
        options.python = Engines.python ?? "python3"
        options.program = program ?? "/nonexistent/aurelax"
        return LocalRunner(options)
    }

    private func package(_ atoms: Atoms, learning: Bool) throws -> HandoffPackage {
        try HandoffPackage(
            Samples.request(
                atoms,
                settings: Samples.settings {
                    $0.engine = .tblite
                    $0.optimizer = learning ? .learning : .bfgs
                }
            ) { $0.base = learning ? LearningBase(kind: .engine, name: "GFN2-xTB", relaxFirst: true) : nil })
    }

    private func result(of directory: Directory, _ package: HandoffPackage) throws -> ReturnedResult {
        let files = try #require(try ReturnedFile.read(from: try directory.subdirectory("result")))
        return try ReturnedResult(files, expecting: package.expectation)
    }

    private func frames(_ directory: Directory) throws -> [Atoms] {
        try ExtXYZ.read(path: directory.path.appending("result/trajectory.extxyz").string)
    }

    @Test(
        "the learning relaxation takes at most half the gradient calls of BFGS from the base's minimum",
        arguments: ["phosphine", "dimethyl-sulfide-gold", "disilver"])
    func halfTheCalls(name: String) async throws {
        let atoms = try #require(Samples.molecules[name])
        let scratch = try Scratch()
        let package = try package(atoms, learning: true)
        let directory = try scratch.publish(package)
        #expect(try await Self.runner().run(directory) == .finished(.converged))
        let learnt = try result(of: directory, package)
        #expect(learnt.optimizer == "learning")
        #expect(learnt.base == "GFN2-xTB")
        #expect(try #require(learnt.baseSteps) > 0)
        let path = try frames(directory)
        #expect(path[0].positions != atoms.positions)

        let plain = try self.package(path[0], learning: false)
        let beside = try scratch.publish(plain, as: "02-dft")
        #expect(try await Self.runner().run(beside) == .finished(.converged))
        let reference = try result(of: beside, plain)
        let (calls, of) = (try #require(learnt.gradientCalls), try #require(reference.gradientCalls))
        #expect(2 * calls <= of, "\(name): \(calls) and \(of) gradient calls")
        let energies = (try #require(learnt.path.energies.last), try #require(reference.path.energies.last))
        #expect(energies.0 < energies.1 + 0.02)
    }

    @Test("below fmax a run spends at most as many gradients as before it, and ends at a lower energy")
    func lowerThanRequested() async throws {
        let atoms = try #require(Samples.molecules["disilver"])
        let scratch = try Scratch()
        func run(expectedFall: Double, _ name: FilePath.Component) async throws -> ReturnedResult {
            let package = try HandoffPackage(
                Samples.request(
                    atoms,
                    settings: Samples.settings {
                        ($0.engine, $0.optimizer, $0.fmax) = (.tblite, .learning, 0.4)
                        $0.expectedFall = expectedFall
                    }
                ) { $0.base = LearningBase(kind: .engine, name: "GFN2-xTB", relaxFirst: true) })
            let directory = try scratch.publish(package, as: name)
            #expect(try await Self.runner().run(directory) == .finished(.converged))
            return try result(of: directory, package)
        }
        let first = try await run(expectedFall: 0, "01-dft")
        let on = try await run(expectedFall: 0.0005, "02-dft")
        let (least, calls) = (try #require(first.gradientCalls), try #require(on.gradientCalls))
        #expect(calls > least && calls <= 2 * least, "\(calls) gradients, small forces after \(least)")
        let energies = (try #require(first.path.energies.last), try #require(on.path.energies.last))
        #expect(energies.1 < energies.0, "\(energies)")
    }

    @Test("without aurelax the package relaxes by BFGS and says why")
    func withoutAurelax() async throws {
        let scratch = try Scratch()
        let package = try package(Samples.sulfide, learning: true)
        let directory = try scratch.publish(package)
        #expect(try await Self.runner(nil).run(directory) == .finished(.converged))
        let result = try result(of: directory, package)
        #expect(result.optimizer == "bfgs")
        #expect(result.optimizerNote?.contains("/nonexistent/aurelax cannot be started") == true)
        #expect(result.notes.contains { $0.contains("relaxed by BFGS, not by the learning relaxation") })
    }

    @Test("a run whose trajectory lost its tail resumes with the same geometries, bit for bit")
    func restart() async throws {
        let atoms = try #require(Samples.molecules["dimethyl-sulfide-gold"])
        let scratch = try Scratch()
        let package = try package(atoms, learning: true)
        // One thread, because with several threads sums differ in their last digits from run to run.
        let runner = Self.runner(ranks: 1)
        let directory = try scratch.publish(package)
        #expect(try await runner.run(directory) == .finished(.converged))
        let whole = try frames(directory)
        try #require(whole.count > 2)
        // The files are as after kill -9 when two gradients were complete: the third frame is truncated, and the files
        // that are written at the end are missing.
        let again = try scratch.publish(package, as: "02-dft")
        try FileManager.default.createDirectory(
            atPath: again.path.appending("result").string, withIntermediateDirectories: false)
        for name in ["start.json", "learning.jsonl", "optimizer.log"] {
            try FileManager.default.copyItem(
                atPath: directory.path.appending("result/\(name)").string,
                toPath: again.path.appending("result/\(name)").string)
        }
        let text = try String(
            contentsOfFile: directory.path.appending("result/trajectory.extxyz").string, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try lines.prefix(2 * (atoms.count + 2) + 3).joined(separator: "\n").write(
            toFile: again.path.appending("result/trajectory.extxyz").string, atomically: true, encoding: .utf8
        )
        #expect(try await runner.run(again) == .finished(.converged))
        // The later geometries follow from gradients that the engine computed again; their last digits depend on what
        // it computed before.
        #expect(try frames(again).prefix(3).map(\.positions) == whole.prefix(3).map(\.positions))
    }
}

extension LearningRunTests {
    enum Instant: CaseIterable {
        /// The run is killed while the correction is fitted to the last gradient.
        case fit
        /// The run is killed while the engine computes the next gradient.
        case gradient
    }

    @Test("a killed run proposes the same next geometry, bit for bit", arguments: Instant.allCases)
    func killed(_ instant: Instant) async throws {
        let atoms = try #require(Samples.molecules["dimethyl-sulfide-gold"])
        let scratch = try Scratch()
        let package = try package(atoms, learning: true)
        let runner = Self.runner(ranks: 1)
        let whole = try scratch.publish(package)
        #expect(try await runner.run(whole) == .finished(.converged))
        let reference = try frames(whole)
        try #require(reference.count > 2)

        let directory = try scratch.publish(package, as: "02-dft")
        let gradients = Int.random(in: 1..<reference.count - 1)
        let run = Task { try await runner.run(directory) }
        let end = ContinuousClock.now + .seconds(120)
        func count(_ name: String, linesEach: Int) -> Int {
            let text = try? String(
                contentsOfFile: directory.path.appending("result/\(name)").string, encoding: .utf8)
            return (text ?? "").count { $0 == "\n" } / linesEach
        }
        while count("trajectory.extxyz", linesEach: atoms.count + 2) < gradients
            || instant == .gradient && count("learning.jsonl", linesEach: 1) < gradients
        {
            try #require(ContinuousClock.now < end)
            try await Task.sleep(for: .milliseconds(1))
        }
        for process in try Processes.working(in: directory) { kill(process.identifier, SIGKILL) }
        let outcome = try await run.value
        guard case .crashed = outcome else {
            Issue.record("\(outcome) after \(gradients) gradients")
            return
        }
        let kept = count("trajectory.extxyz", linesEach: atoms.count + 2)
        #expect(try await runner.run(directory) == .finished(.converged))
        // The later geometries follow from gradients that the engine computed again; their last digits depend on what
        // it computed before.
        let resumed = try frames(directory)
        #expect(
            resumed.prefix(kept + 1).map(\.positions) == reference.prefix(kept + 1).map(\.positions),
            "killed at gradient \(gradients) of \(reference.count), \(kept) on disk")
        #expect(resumed.count > kept)
        #expect(try result(of: directory, package).optimizer == "learning")
    }

    /// The ways in which aurelax fails in these tests, each with a script that replaces it and with the note that the
    /// result must have.
    enum Fault: String, CaseIterable {
        case dies, isKilled, speaksAnotherVersion, answersNonsense, isMissing

        /// Returns the script that replaces aurelax. `sed -u 2q` passes on two messages: the start and the first
        /// gradient.
        func script(_ aurelax: String) -> String {
            switch self {
            case .dies: "#!/bin/sh\nsed -u 2q | '\(aurelax)' steer\nexit 3\n"
            case .isKilled: "#!/bin/sh\nsed -u 2q | '\(aurelax)' steer\nkill -9 $$\n"
            case .speaksAnotherVersion: "#!/bin/sh\nread -r line\necho '{\"steer\": 2}'\n"
            case .answersNonsense: "#!/bin/sh\nread -r line\necho 'Bus error'\n"
            case .isMissing: ""
            }
        }

        var note: String {
            switch self {
            case .dies: "aurelax steer ended with status 3 (after step 1)"
            case .isKilled: "aurelax steer ended with status -9 (after step 1)"
            case .speaksAnotherVersion: "steer does not support version 1 of the protocol"
            case .answersNonsense: "aurelax steer sent an answer that cannot be read"
            case .isMissing: "cannot be started"
            }
        }

        var optimizer: String {
            switch self {
            case .dies, .isKilled: "learning, then bfgs"
            case .speaksAnotherVersion, .answersNonsense, .isMissing: "bfgs"
            }
        }
    }

    @Test("BFGS takes over if aurelax fails, and the result says why", arguments: Fault.allCases)
    func steeringFails(_ fault: Fault) async throws {
        let scratch = try Scratch()
        let program = scratch.path.appending("steering")
        if fault != .isMissing {
            try fault.script(Self.aurelax).write(toFile: program.string, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.string)
        }
        var request = Samples.request(
            settings: Samples.settings {
                $0.optimizer = .learning; $0.engine = .tblite
            })
        request.base = LearningBase.none
        let package = try HandoffPackage(request)
        let directory = try scratch.publish(package)
        #expect(try await Self.runner(program.string).run(directory) == .finished(.converged))
        let result = try result(of: directory, package)
        #expect(result.optimizer == fault.optimizer)
        #expect(result.optimizerNote?.contains(fault.note) == true, "\(result.optimizerNote ?? "no note")")
        #expect(
            result.notes.contains {
                $0.hasPrefix("relaxed by BFGS, not by the learning relaxation: ") && $0.contains(fault.note)
            }, "\(result.notes)")
    }

    @Test("fixed atoms and fixed axes keep their coordinates, and the rest converges")
    func partlyFixed() async throws {
        let scratch = try Scratch()
        let atoms = try #require(Samples.molecules["dimethyl-sulfide-gold"])
        var request = Samples.request(
            atoms,
            settings: Samples.settings {
                $0.optimizer = .learning; $0.engine = .tblite
            })
        request.base = LearningBase(kind: .engine, name: "GFN2-xTB", relaxFirst: true)
        request.movable = atoms.elements.indices.map { $0 != 0 }
        // Atom 1 (Au) moves along z only, atom 2 (Cl) in the xy plane only.
        request.fixedCoordinates = [3, 4, 8]
        let package = try HandoffPackage(request)
        let directory = try scratch.publish(package)
        #expect(try await Self.runner().run(directory) == .finished(.converged))
        let result = try result(of: directory, package)
        #expect(result.optimizer == "learning")
        for frame in try frames(directory) {
            #expect(frame.positions[0] == atoms.positions[0])
            #expect(
                frame.positions[1].x == atoms.positions[1].x && frame.positions[1].y == atoms.positions[1].y)
            #expect(frame.positions[2].z == atoms.positions[2].z)
        }
        let moved = try #require(result.final)
        #expect(moved.positions[1].z != atoms.positions[1].z)
        #expect(moved.positions[4] != atoms.positions[4])
    }
}

extension Samples {
    /// Molecules with guessed geometries.
    fileprivate static let molecules: [String: Atoms] = [
        "phosphine": molecule(
            "P Au S C H H H H H H",
            [
                [0, 0, 0], [0, 0, 2.25], [0, 0, 4.55], [1.776, 0, 4.993], [2.075, -1.004, 5.293],
                [2.365, 0.312, 4.131], [1.944, 0.692, 5.818], [1.25, 0.1, -0.7], [-0.6, 1.1, -0.7],
                [-0.7, -1.05, -0.7],
            ]),
        "dimethyl-sulfide-gold": molecule(
            "S Au Cl C C H H H H H H",
            [
                [0, 0, 0], [0, 0, 2.3], [0, 0, 4.6], [1.45, 0.9, -0.6], [-1.45, 0.9, -0.6], [1.5, 1.9, -0.2],
                [2.35, 0.35, -0.3], [1.4, 0.95, -1.7], [-1.5, 1.9, -0.2], [-2.35, 0.35, -0.3],
                [-1.4, 0.95, -1.7],
            ]),
        "disilver": molecule(
            "Ag Ag S S C C H H H H H H",
            [
                [1.6, 0, 0], [-1.6, 0, 0], [0, 1.9, 0.2], [0, -1.9, 0.2], [0.3, 2.6, 1.85],
                [-0.3, -2.6, 1.85],
                [0.4, 3.7, 1.8], [1.2, 2.2, 2.3], [-0.6, 2.35, 2.45], [-0.4, -3.7, 1.8], [-1.2, -2.2, 2.3],
                [0.6, -2.35, 2.45],
            ]),
    ]

    private static func molecule(_ symbols: String, _ positions: [SIMD3<Double>]) -> Atoms {
        Atoms(
            elements: symbols.split(separator: " ").compactMap { Element(symbol: String($0)) },
            positions: positions)
    }
}

import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import OrderedCollections
import SystemPackage
import Testing

extension Samples {
    /// Returns geometries of H₂S whose second bond grows from 1.20 Å in equal steps.
    static func path(_ count: Int, by step: Double = 0.1) -> [Atoms] {
        (0..<count).map { k in
            var atoms = sulfide
            atoms.positions[2].y = 1.20 + step * Double(k)
            atoms.info["ml_energy"] = .real(-400 - Double(k))
            atoms.info["energy"] = .real(99)
            return atoms
        }
    }

    static func points(
        _ frames: [Atoms] = path(3), settings: DFTStage = settings { $0.engine = .tblite },
        change: (inout SinglePointsRequest) -> Void = { _ in }
    ) -> SinglePointsRequest {
        var request = SinglePointsRequest(
            job: "ring4", stage: 2, attempt: 1, frames: frames, steps: frames.indices.map { $0 * 10 },
            settings: settings, charge: 0, origin: GeometryOrigin(description: "stage 1 (ml)"))
        change(&request)
        return request
    }
}

extension Scratch {
    func publish(_ package: SinglePointsPackage, as name: FilePath.Component = "02-single-points") throws
        -> Directory
    {
        let job = try directory.makeSubdirectory("outbox").makeSubdirectory("job")
        let published = try job.publish(
            package.files, as: name, staging: try directory.makeSubdirectory("staging"))
        guard published == .published else { throw Unpublished() }
        return try job.subdirectory(name)
    }
}

@Suite struct SinglePointsPackageTests {
    @Test("The same request gives the same bytes") func sameRequest() throws {
        let package = try SinglePointsPackage(Samples.points())
        #expect(package.files == (try SinglePointsPackage(Samples.points())).files)
        #expect(
            package.files.map(\.name.string) == [
                "frames.extxyz", "parameters.json", "relaxation.py", "single_points.py", "tblite_relax.py",
                "run.sh", "submit.sbatch", "README.md", "MANIFEST.json",
            ])
        #expect(
            package.manifest.expected == [
                "result/trajectory.extxyz", "result/status.json", "result/DONE.json",
            ])
        let bytes = try #require(package.files.first { $0.name == "frames.extxyz" }?.bytes)
        let sent = try ExtXYZ.frames(in: bytes, label: "frames.extxyz")
        #expect(sent.map(\.positions) == Samples.path(3).map(\.positions))
        #expect(sent.map { $0.info["step"] } == [.integer(0), .integer(10), .integer(20)])
        #expect(sent.map { $0.info["ml_energy"] } == [.real(-400), .real(-401), .real(-402)])
        #expect(sent.allSatisfy { $0.energy == nil && $0.forces == nil && $0.info["energy"] == nil })
        let settings = try #require(package.files.first { $0.name == "parameters.json" }?.bytes)
        let parameters = try JSONDecoder().decode(SinglePointsParameters.self, from: Data(settings))
        #expect(parameters == package.expectation.parameters && parameters.points == 3)
        #expect(!String(decoding: settings, as: UTF8.self).contains("fmax"), "there is an fmax")
        let script = String(
            decoding: package.files.first { $0.name == "submit.sbatch" }?.bytes ?? [], as: UTF8.self)
        #expect(script.contains("sbatch --array=1-3%4 submit.sbatch"))
    }

    /// A geometry that would be unsuitable as the start of a relaxation is accepted. One with which no calculation can
    /// start is refused.
    @Test("Geometries with which no single point can start are refused") func whatIsRefused() throws {
        var close = Samples.path(2)
        close[1].positions[1] = [0.3, 0, 0]
        #expect(throws: Never.self) { try SinglePointsPackage(Samples.points(close)) }
        var frames = Samples.path(3)
        frames[1].positions[0].x = .nan
        frames[2] = Samples.hydrogen
        let refusal = #expect(throws: HandoffRefusal.self) {
            try SinglePointsPackage(Samples.points(frames) { $0.job = "a b" })
        }
        #expect(refusal?.reasons == [.unsafeName("a b"), .otherAtoms(step: 20), .notFinite(step: 10)])
        let empty = #expect(throws: HandoffRefusal.self) { try SinglePointsPackage(Samples.points([])) }
        #expect(empty?.reasons == [.noAtoms])
    }
}

/// Real runs with GFN1-xTB, which take seconds.
@Suite(.enabled(if: Engines.hasPython), .serialized) struct SinglePointsRunTests {
    private func result(
        of directory: Directory, _ package: SinglePointsPackage
    ) throws -> ReturnedPoints? {
        guard let files = try ReturnedFile.read(from: directory.subdirectory("result")) else { return nil }
        return try ReturnedPoints(files, expecting: package.expectation)
    }

    private func points(in directory: Directory) throws -> [String] {
        guard let points = try? directory.subdirectory("result").subdirectory("points") else { return [] }
        return try points.names().map(\.string).filter { $0.hasSuffix(".extxyz") }.sorted()
    }

    /// Starts `run.sh` in the package's folder, as a user does.
    private func start(_ directory: Directory, point: Int?, extra: [String: String] = [:]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["./run.sh"]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path.string)
        var environment = ProcessInfo.processInfo.environment
        environment["SLURM_ARRAY_TASK_ID"] = point.map(String.init)
        process.environment = environment.merging(extra) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func status(_ directory: Directory, point: Int?) throws -> Int32 {
        let process = try start(directory, point: point)
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test("All points are calculated in turn") func allInTurn() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points(Samples.path(4)))
        let directory = try scratch.publish(package)
        #expect(try await Engines.runner().run(directory) == .finished(.converged))
        let result = try #require(try result(of: directory, package))
        #expect(result.verdict == .converged && result.message == "all 4 points calculated")
        #expect(result.points.map(\.step) == [0, 10, 20, 30])
        // The bond S–H is 1.3 to 1.4 Å long with this method, so the energy falls and then rises.
        let energies = result.points.compactMap(\.energy)
        #expect(energies.count == 4 && energies[1] < energies[0] && energies[3] > energies[1])
        for (frame, sent) in zip(result.frames, Samples.path(4)) {
            #expect(frame.positions == sent.positions)
        }
        #expect(try points(in: directory) == ["0001.extxyz", "0002.extxyz", "0003.extxyz", "0004.extxyz"])
        #expect(try await Engines.runner().run(directory) == .alreadyFinished(.converged))
        let accepted = try #require(try AcceptedFrames(package: directory))
        #expect(accepted.frames.compactMap(\.energy) == energies)
        #expect(accepted.frames.allSatisfy { $0.info["charge"] == .integer(0) })
    }

    /// As in a job array, several processes run at once, and each calculates one point. The last one combines the
    /// results.
    @Test("Several processes share the points") func sharedPoints() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points(Samples.path(5)))
        let directory = try scratch.publish(package)
        let elements = try (1...5).map { try start(directory, point: $0) }
        for element in elements {
            element.waitUntilExit()
            #expect(element.terminationStatus == 0)
        }
        let result = try #require(try result(of: directory, package))
        #expect(result.points.count == 5 && result.verdict == .converged)
        let whole = try scratch.publish(package, as: "02-whole")
        #expect(try await Engines.runner().run(whole) == .finished(.converged))
        let expected = try #require(try self.result(of: whole, package))
        for (one, other) in zip(result.points, expected.points) {
            #expect(abs(try #require(one.energy) - (try #require(other.energy))) < 1e-5)
        }
        #expect(try status(directory, point: 6) == 8, "there is no sixth point")
    }

    /// Existing points are not computed again.
    @Test("A run resumes with the missing points") func missingPoints() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points())
        let directory = try scratch.publish(package)
        #expect(try status(directory, point: 2) == 0)
        #expect(try result(of: directory, package) == nil)
        let folder = try directory.subdirectory("result").subdirectory("points")
        let before = try #require(try folder.status(of: "0002.extxyz"))
        // A truncated point and an unfinished temporary file do not count as points.
        try folder.replace("0003.extxyz", Array("3\nProperties".utf8))
        #expect(try await Engines.runner().run(directory) == .finished(.converged))
        #expect(try folder.status(of: "0002.extxyz") == before)
        #expect(try #require(try result(of: directory, package)).points.count == 3)
        #expect(try status(directory, point: 2) == 0)
    }

    /// A point whose two hydrogen atoms are at the same position fails. The other points are calculated, and the
    /// package reports the failure. When a user runs the package again, the failed point is calculated again.
    @Test("A failed point is a result") func failedPoint() async throws {
        let scratch = try Scratch()
        var path = Samples.path(3)
        path[1].positions[2] = path[1].positions[1]
        let package = try SinglePointsPackage(Samples.points(path))
        let directory = try scratch.publish(package)
        guard case .finished(let verdict) = try await Engines.runner().run(directory) else {
            Issue.record("the run did not end")
            return
        }
        #expect(verdict != .converged)
        let result = try #require(try result(of: directory, package))
        #expect(result.points.map { $0.energy != nil } == [true, false, true])
        #expect(result.points[1].verdict == verdict && result.points[1].message?.isEmpty == false)
        #expect(
            result.message.hasPrefix("2 of 3 points calculated; missing: steps 10 ("), "\(result.message)"
        )
        #expect(try #require(try AcceptedFrames(package: directory)).frames.count == 2)
        let folder = try directory.subdirectory("result").subdirectory("points")
        let before = try #require(try folder.status(of: "0001.extxyz"))
        #expect(try await Engines.runner().run(directory) == .finished(verdict))
        #expect(try folder.status(of: "0001.extxyz") == before)
    }

    /// A point that belongs to another package, or to another geometry, is ignored and reported.
    @Test("Points of another package are refused") func foreignPoints() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points())
        let directory = try scratch.publish(package)
        #expect(try status(directory, point: 1) == 0)
        let other = try SinglePointsPackage(Samples.points { $0.attempt = 2 })
        let elsewhere = try scratch.publish(other, as: "02-other")
        let foreign = try elsewhere.makeSubdirectory("result").makeSubdirectory("points")
        let bytes = try #require(
            try directory.subdirectory("result").subdirectory("points").read("0001.extxyz"))
        try foreign.replace("0001.extxyz", bytes)
        guard case .refused(let why) = try await Engines.runner().run(elsewhere) else {
            Issue.record("the package was run")
            return
        }
        #expect(why.contains("belongs to another run"), "\(why)")
        #expect(try foreign.read("0001.extxyz") == bytes)
    }

    @Test("Returned points are checked") func checkedPoints() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points())
        let directory = try scratch.publish(package)
        #expect(try await Engines.runner().run(directory) == .finished(.converged))
        let files = try #require(try ReturnedFile.read(from: directory.subdirectory("result")))
        #expect(try SinglePointsExpectation(package: directory) == package.expectation)

        func check(
            _ what: String, _ change: (inout [Atoms]) -> Void, _ isRight: (ResultRefusal) -> Bool
        ) throws {
            var frames = try ExtXYZ.frames(in: try #require(files[.trajectory]), label: "t")
            change(&frames)
            var changed = files
            changed[.trajectory] = ExtXYZ.bytes(of: frames)
            let marker = String(decoding: try #require(files[.done]), as: UTF8.self)
            let old = try #require(files[.trajectory])
            let new = try #require(changed[.trajectory])
            changed[.done] = Array(
                marker.replacing("\(Digest(of: old).hexadecimal)", with: Digest(of: new).hexadecimal)
                    .replacing("\"size\": \(old.count)", with: "\"size\": \(new.count)").utf8)
            let refusal = #expect(throws: ResultRefusal.self, "\(what)") {
                try ReturnedPoints(changed, expecting: package.expectation)
            }
            #expect(refusal.map(isRight) == true, "\(what): \(refusal.map(\.description) ?? "")")
        }
        func contradicts(_ refusal: ResultRefusal) -> Bool {
            if case .contradiction = refusal { true } else { false }
        }
        try check("a point is missing", { $0.removeLast() }, contradicts)
        try check("two points in the wrong order", { $0.swapAt(0, 1) }, contradicts)
        try check("a point twice", { $0[2] = $0[1] }, contradicts)
        try check("another step", { $0[1].info["step"] = .integer(7) }, contradicts)
        try check("another geometry", { $0[1].positions[0].x += 1e-4 }) {
            if case .displaced = $0 { true } else { false }
        }
        try check("no number", { $0[1].energy = .nan }) {
            $0 == .notFinite(file: "trajectory.extxyz", frame: 1)
        }
        try check("no forces", { $0[1].forces = nil }) {
            $0 == .noForces(file: "trajectory.extxyz", frame: 1)
        }
        try check("another method", { $0[1].levelOfTheory = "GPAW" }) {
            if case .otherLevelOfTheory = $0 { true } else { false }
        }
        try check(
            "two versions", { $0[1].levelOfTheory = "tblite 0.0.1 GFN1-xTB 300K non-periodic" }, contradicts)
        try check("another run", { $0[1].info["inputs"] = .string("sha256:0") }) { $0 == .otherInputs }
        try check("one that failed unsaid", { $0[1].info["verdict"] = .string("engine-error") }, contradicts)
    }

    /// A package that crashes again and again is given up; the points that exist become its result.
    @Test("A crashing set is given up with its existing points") func crashedPoints() async throws {
        let scratch = try Scratch()
        let package = try SinglePointsPackage(Samples.points())
        let directory = try scratch.publish(package)
        #expect(try status(directory, point: 2) == 0)
        var options = LocalRunner.Options()
        options.python = "/bin/false"
        var serving = PackageServer.Options()
        (serving.once, serving.maxCrashes, serving.pause) = (true, 1, .zero)
        // This Python is killed before it has written anything.
        let python = scratch.path.appending("python").string
        let real = try #require(Engines.python)
        try "#!/bin/sh\ncase \"$*\" in *single_points*) kill -9 $$ ;; esac\nexec \(real) \"$@\"\n"
            .write(toFile: python, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: python)
        options.python = python
        let server = PackageServer(
            outbox: scratch.path.appending("outbox"), runner: LocalRunner(options), options: serving,
            turns: { ["job/02-single-points"] }, isPublished: { _ in true })
        try await server.run { _ in }
        let result = try #require(try result(of: directory, package))
        #expect(result.verdict == .crashed && result.asked == 3)
        #expect(result.points.map(\.step) == [10])
    }
}

import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import OrderedCollections
import Reports
import SystemPackage
import Testing
import Workflow

/// A force field with a spring of 5 eV/Å² between two atoms.
private struct Spring: ForceField {
    let hasEnergy = true
    let provenance = ForceFieldProvenance(name: "spring", kind: "test", version: "1", levelOfTheory: "none")

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        let bond = atoms.positions[1] - atoms.positions[0]
        let length = bond.length
        let force = bond / length * (5 * (0.75 - length))
        return ForcePrediction(
            forces: [-force, force], energy: 2.5 * (length - 0.75) * (length - 0.75), classes: ["H", "H"],
            outOfDomain: [false, false])
    }
}

/// Single points along the path of an earlier stage: their package, its result, and the stage after them.
@Suite struct SinglePointsStageTests {
    private let spool: TestSpool
    private static let folder = "outbox/h2/02-single-points"
    private static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]

    init() throws {
        spool = try TestSpool()
        try spool.drop("h2.xyz", "2\n\nH 0 0 0\nH 0 0 1.05\n")
    }

    private func turn(_ stages: String, until condition: @escaping () throws -> Bool) async throws {
        if !spool.exists("outbox/h2") {
            try spool.drop("h2.yaml", "aurelax: 1\nstructure: h2.xyz\nstages:\n\(stages)")
        }
        // There is no status before the job is accepted.
        try await spool.turn(spool.engine { $0.forceField = { _ in Spring() } }) {
            (try? condition()) ?? false
        }
    }

    private func isWaiting() throws -> Bool { try spool.state(of: "h2") == .waitingForDFT }

    private static let ml = "  - ml: {fmax: 0.01, maxstep: 0.02}\n"

    @Test("The path of the stage is published") func publishedPath() async throws {
        try await turn(
            Self.ml + "  - single-points: {engine: tblite, every: 2, frames: 4}\n", until: isWaiting)
        let status = try spool.client.status(of: "h2")
        #expect((status.kind, status.folder) == (.singlePoints, "h2/02-single-points"))
        #expect(status.fmaxLimit == nil)
        let path = try ExtXYZ.read(path: spool.path + "/outbox/h2/01-ml/trajectory.extxyz")
        let sent = try ExtXYZ.read(path: spool.path + "/\(Self.folder)/frames.extxyz")
        let steps = sent.compactMap { frame in frame.info["step"]?.double.map { Int($0) } }
        #expect(sent.count == 4)
        #expect((steps.first, steps.last) == (0, path.count - 1))
        for (frame, step) in zip(sent, steps) { #expect(frame.positions == path[step].positions) }
        #expect(sent.allSatisfy { $0.info["ml_energy"] != nil && $0.energy == nil })
        let manifest = try spool.bytes("\(Self.folder)/MANIFEST.json")
        #expect(try spool.client.isPublished(Digest(of: manifest)))
        #expect(
            String(decoding: manifest, as: UTF8.self).contains("stage 1 (ml), \(path.count) geometries"))

        // A new engine finds the same package. A result dropped into the inbox is not accepted, and a request to cancel
        // is carried out.
        try await turn("", until: isWaiting)
        #expect(try spool.bytes("\(Self.folder)/MANIFEST.json") == manifest)
        try spool.drop("h2.result.extxyz", "1\nenergy=1\nH 0 0 0\n")
        try await turn("", until: { !spool.exists("inbox/h2.result.extxyz") })
        #expect(
            spool.files("outbox/rejected").contains { name in
                spool.text("outbox/rejected/\(name)/diagnostics.txt")?
                    .contains("waits for single points, whose results are accepted only in their package")
                    ?? false
            })
        #expect(try isWaiting())
        _ = try spool.client.request(.cancel, of: "h2")
        try await turn("", until: { spool.exists("\(Self.folder)/CANCELLED") })
        #expect(spool.exists("\(Self.folder)/CANCELLED"))
    }

    /// A result that has only its final geometry has no path.
    @Test("A missing path is reported") func withoutPath() async throws {
        try await turn(
            "  - dft: {engine: tblite, fmax: 0.1}\n  - single-points: {engine: tblite}\n", until: isWaiting)
        try spool.drop(
            "h2.result.extxyz",
            "2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-26.5 pbc=\"F F F\"\nH 0 0 0 0 0 0\nH 0 0 1 0 0 0\n"
        )
        try await turn("", until: { try spool.state(of: "h2") == .failed })
        let reason = try spool.client.status(of: "h2").reason
        #expect(reason.contains("stage 1 has no path"), "\(reason)")
    }

    /// With real GFN1-xTB, the energies of the steps are in the store, the summary and the report, and the structure is
    /// not changed by the stage.
    @Test("Returned points are kept, and the structure passes through", .enabled(if: python != nil))
    func returnedPoints() async throws {
        let stages =
            Self.ml
            + "  - single-points: {engine: tblite, frames: 3}\n  - single-points: {engine: tblite, stage: 1, frames: 2}\n"
            + "  - dft: {engine: tblite, fmax: 0.1}\n"
        try await turn(stages, until: isWaiting)
        for (place, count) in [("02-single-points", 3), ("03-single-points", 2)] {
            try await turn(
                "", until: { try spool.client.status(of: "h2").folder == "h2/\(place)" && isWaiting() })
            var options = LocalRunner.Options()
            options.python = try #require(Self.python)
            let directory = try Directory(FilePath("\(spool.path)/outbox/h2/\(place)"))
            #expect(try await LocalRunner(options).run(directory) == .finished(.converged))
            let status = try spool.client.status(of: "h2")
            #expect(status.step == count)
            #expect(status.reason.contains("converged: all \(count) points calculated"), "\(status.reason)")
        }
        try await turn("", until: { try spool.client.status(of: "h2").folder == "h2/04-dft" && isWaiting() })
        let last = try ExtXYZ.read(path: spool.path + "/outbox/h2/01-ml/final.extxyz")
        let sent = try ExtXYZ.read(path: spool.path + "/outbox/h2/04-dft/initial.extxyz")
        #expect(try #require(sent.first).positions == (try #require(last.first)).positions)

        let path = try ExtXYZ.read(path: spool.path + "/outbox/h2/01-ml/trajectory.extxyz")
        let summary = try spool.client.summary(of: "h2")
        #expect(summary.contains("kind: single-points\n"), "\(summary)")
        #expect(summary.contains("points_asked: 3\n") && summary.contains("points_calculated: 3\n"))
        #expect(
            summary.contains("      - {step: \(path.count - 1), verdict: converged, energy: -2"), "\(summary)"
        )
        #expect(!summary.contains("02-single-points/result/final.extxyz"))
        let report = try spool.client.report(of: "h2")
        let points = try #require(report.stages.first { $0.name == "2 single points" })
        #expect(points.pathOf == 0 && points.curve.entries.count == 3)
        #expect(points.curve.entries.map(\.step) == [0, path.count / 2, path.count - 1])
        #expect(points.facts.contains { $0.name == "points" && $0.value == "3 of 3" })
        #expect(report.figures.contains { $0.name == "energy" })
        // The final structure of the report is the last geometry of the relaxation, not one of the single points.
        #expect(report.final?.positions == path.last?.positions)
    }

    /// If single points are the last stage, the job is completed although one of the points failed.
    @Test("A failed point does not fail the job", .enabled(if: python != nil)) func failedPointInJob()
        async throws
    {
        try await turn(Self.ml + "  - single-points: {engine: tblite, frames: 3}\n", until: isWaiting)
        var options = LocalRunner.Options()
        options.python = try #require(Self.python)
        let directory = try Directory(FilePath("\(spool.path)/\(Self.folder)"))
        // The second point is to fail. The engine cannot be made to fail there, so the test writes the point as the
        // script would.
        let whole = try Directory(FilePath("\(spool.path)/\(Self.folder)"))
        #expect(try await LocalRunner(options).run(whole) == .finished(.converged))
        let result = try directory.subdirectory("result")
        let text = String(
            decoding: try #require(try result.subdirectory("points").read("0002.extxyz")), as: UTF8.self)
        let failed = text.replacing(":forces:R:3", with: "").replacing(#/ (free_)?energy=\S+/#, with: "")
            .replacing("verdict=\"converged\"", with: "verdict=\"scf-not-converged\" message=\"no\"")
            .replacing(/(?m)^(H \S+ \S+ \S+).*$/) { "\($0.1)" }
        try result.subdirectory("points").replace("0002.extxyz", Array(failed.utf8))
        try result.remove("DONE.json")
        // A process that is started for one point finds that all points exist, and combines the results.
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "AURELAX_POINT=1 exec ./run.sh >/dev/null 2>&1"]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path.string)
        try process.run()
        process.waitUntilExit()
        try await turn("", until: { try spool.state(of: "h2").isFinal })
        let status = try spool.client.status(of: "h2")
        #expect(status.state == .completed, "\(status.reason)")
        #expect(status.reason.contains("2 of 3 points calculated; missing: steps"), "\(status.reason)")
        let summary = try spool.client.summary(of: "h2")
        #expect(summary.contains("points_calculated: 2\n") && summary.contains(": no\""), "\(summary)")
    }
}

import Atomistics
import Foundation
import OrderedCollections
import Reports
import Testing
import Workflow

/// The recording of finished jobs, and the table of remaining costs that is made from the recorded jobs.
@Suite struct RecordTests {
    private let folder: TestSpool
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let results = root.appendingPathComponent("workflows/gold-thiolate-ring/results")

    init() throws { folder = try TestSpool() }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("A job of the outbox is recorded with its final structures where the summary names them")
    func recorded() throws {
        // The recorded job is put into an outbox again, where the files of the package's result are in result/.
        let files = FileManager.default
        let (job, old) = (folder.path + "/outbox/ring4", Self.results.appendingPathComponent("ring4").path)
        try files.createDirectory(atPath: folder.path + "/outbox", withIntermediateDirectories: true)
        try files.copyItem(atPath: old, toPath: job)
        try files.createDirectory(atPath: job + "/02-dft/result", withIntermediateDirectories: false)
        for name in ["final.extxyz", "optimizer.log", "status.json"] {
            try files.moveItem(atPath: job + "/02-dft/" + name, toPath: job + "/02-dft/result/" + name)
        }
        let summary = try text(old + "/summary.yaml")
        let live = summary.replacing("\"02-dft/final.extxyz\"", with: "\"02-dft/result/final.extxyz\"")
        #expect(live != summary)
        try Data(live.utf8).write(to: URL(fileURLWithPath: job + "/summary.yaml"))
        var path: [UInt8] = []
        for step in 0...25 {
            var frame = Atoms(elements: [.gold, .sulfur], positions: [.zero, [2.3, 0, Double(step) / 3]])
            frame.info["step"] = .integer(step)
            frame.info["ml_energy"] = .real(-1)
            frame.moveMask = [false, true]
            frame.forces = [.zero, .zero]
            ExtXYZ.encode(frame, into: &path)
        }
        try Data(path).write(to: URL(fileURLWithPath: job + "/01-ml/trajectory.extxyz"))

        let recorded = try RecordedJob(job, into: folder.path + "/results").folder
        #expect(recorded == folder.path + "/results/ring4")
        for name in [
            "job.yaml", "summary.yaml", "01-ml/final.extxyz", "01-ml/optimizer.log", "02-dft/final.extxyz",
            "02-dft/optimizer.log", "02-dft/status.json",
        ] { #expect(try text(recorded + "/" + name) == text(old + "/" + name), "\(name)") }
        #expect(!files.fileExists(atPath: recorded + "/01-ml/trajectory.extxyz"))
        let frames = try ExtXYZ.read(path: recorded + "/01-ml/path.extxyz")
        #expect(
            frames.map { $0.info["step"]?.double } == [0, 2, 5, 8, 10, 12, 15, 18, 20, 22, 25])
        #expect(frames[1].positions[1].z == 0.6667 && frames[1].moveMask == [false, true])
        #expect(frames[1].forces == nil && frames[1].info.count == 1)
        #expect(try ComparedJob(folder: recorded).stages.count == 2)
    }

    @Test("A folder without a job, and a job that has not ended, are refused")
    func refused() throws {
        #expect(throws: WorkflowError.self) { try RecordedJob(folder.path, into: folder.path + "/results") }
        try Data("aurelax: 1\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/job.yaml"))
        let error = #expect(throws: WorkflowError.self) {
            try RecordedJob(folder.path, into: folder.path + "/results")
        }
        #expect(error?.description.contains("has not ended") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/results"))
    }

    @Test("The tables of remaining costs in docs/experiments.md follow from the recorded results")
    func documentedTables() throws {
        let document = try text(Self.root.appendingPathComponent("docs/experiments.md").path)
        let au38 = Self.root.appendingPathComponent("workflows/au38-stretched-unit/results").path
        for (folder, starts) in [
            (Self.results.path, ["ring4", "ring5", "ring6"]), (au38, ["stretched"]),
        ] {
            let table = try RemainingCost(folder: folder, starts: starts).table
            #expect(table.split(separator: "\n").count > 7)
            #expect(document.contains("\n\n" + table + "\n"), "\(table)")
        }
    }
}

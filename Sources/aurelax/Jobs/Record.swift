import ArgumentParser
import Foundation
import SystemPackage
import Workflow

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record a finished job among the results of a workflow.",
        discussion: """
            Copies the files that a later comparison needs: job and summary, logs, verdicts, final structures, single \
            points, and eleven geometries of a model's path (path.extxyz, positions to 0.0001 Å).

              aurelax record outbox/ring4 workflows/gold-thiolate-ring/results
            """)

    @Argument(help: "Folder of the job in an outbox, or name of a job of the spool.", completion: .directory)
    var job: String
    @Argument(help: "Folder of the results; it gets a folder of the job's name.", completion: .directory)
    var results: String
    @OptionGroup var spool: SpoolOptions

    func run() throws {
        let isFolder = FileManager.default.fileExists(atPath: job + "/job.yaml")
        let folder = isFolder ? job : spool.spool.outbox.appending(job).string
        print(try RecordedJob(folder, into: results).folder)
    }
}

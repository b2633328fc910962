import ArgumentParser
import Atomistics
import Foundation
import Reports
import SystemPackage
import Workflow

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare relaxations of the same structure: a table, and figures.",
        discussion: """
            Prints for each job the steps before DFT, the DFT steps, gradient calls and SCF cycles, the final energy, \
            and its difference from the first job's. Single points along a model's path are drawn, but do not count \
            as cost. Only energies of the first job's level of theory are compared, never a model's own.

              aurelax compare outbox/ring4-gfn1 outbox/ring4 --figures figures

            --rmsd-to adds the distance of each structure from another one, without hydrogen: over the moving atoms, in \
            the frame of the fixed ones; superposed if none is fixed.
            """)

    @Argument(
        help: "Folders of jobs: in an outbox, or recorded results; names of jobs of the spool.",
        completion: .directory)
    var jobs: [String]
    @Option(help: "Job, or XYZ or extxyz file, with the reference structure (its last one).")
    var rmsdTo: String?
    @Option(help: "Folder for the figures as SVG and PNG.", completion: .directory)
    var figures: String?
    @Option(help: "Prefix of the figures' names.")
    var prefix = ""
    @Flag(help: "JSON instead of a table.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func run() async throws {
        let comparison = try Comparison(jobs.map(job), rmsdTo: rmsdTo.map(structure))
        print(json ? try jsonText(comparison.rows) : comparison.table, terminator: json ? "\n" : "")
        if let figures {
            try await write(comparison.figures.map { (prefix + $0.name, $0.svg) }, into: figures)
        }
    }

    private func job(_ name: String) throws -> ComparedJob {
        let inOutbox = spool.spool.outbox.appending(name).string
        return try ComparedJob(folder: isFolder(name) ? name : inOutbox)
    }

    private func structure(_ name: String) throws -> Atoms {
        let inOutbox = spool.spool.outbox.appending(name).string
        guard isFolder(name) || isFolder(inOutbox) else { return try lastFrame(of: name) }
        guard let final = try job(name).final else {
            throw CommandError(.failed, "\(name): the job has no structure yet")
        }
        return final
    }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

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

            --rmsd-to adds the RMSD of each structure from another structure, without hydrogen. If atoms are fixed, only the \
            moving atoms count, in the frame of the fixed atoms; otherwise the structures are superposed.

            --starts prints another table: the cost of DFT that remains after each preparation of these structures. The \
            argument is a folder of jobs called START-WAY, as in an outbox or among recorded results. The table gives for \
            each: gradient calls and SCF cycles of all GPAW stages, and the energy of the final geometry (the lowest energy \
            if DFT has not converged) minus that of the job START-raw, eV.

              aurelax compare workflows/gold-thiolate-ring/results --starts ring4 ring5 ring6
            """)

    @Argument(
        help: "Folders of jobs (in an outbox, or recorded results), or names of jobs of the spool.",
        completion: .directory)
    var jobs: [String]
    @Option(help: "Job, XYZ file or extxyz file whose last structure is the reference.")
    var rmsdTo: String?
    @Option(help: "Folder for the figures as SVG and PNG.", completion: .directory)
    var figures: String?
    @Option(help: "Prefix of the figures' names.")
    var prefix = ""
    @Option(parsing: .upToNextOption, help: "Names of starts, for the table of remaining costs.")
    var starts: [String] = []
    @Flag(help: "Print JSON instead of a table.")
    var json = false
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard !starts.isEmpty else { return }
        if jobs.count != 1 { throw ValidationError("--starts needs one folder of jobs") }
        if json || figures != nil || rmsdTo != nil {
            throw ValidationError("--starts prints its table only, without --json, --figures and --rmsd-to")
        }
    }

    func run() async throws {
        if !starts.isEmpty {
            guard let folder = jobs.first, isFolder(folder) else {
                throw CommandError(.notFound, "there is no folder \(jobs.first ?? "")")
            }
            print(try RemainingCost(folder: folder, starts: starts).table, terminator: "")
            return
        }
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

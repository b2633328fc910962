import ArgumentParser
import Atomistics
import ForeignStructures
import Foundation
import OrderedCollections
import Workflow

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the final structures of jobs for other programs, or into an ASE database.",
        discussion: """
              aurelax export ring4 -o ring4.cif
              aurelax export -o all.traj                       the last structure of every job
              aurelax export ring4 -o path.xyz --path          every step of every stage
              aurelax export --ase-db results.db               rows to select by job, level_of_theory, gap, …

            The format follows from the file's name: .xyz and .extxyz are written by aurelax, .traj, .cif, .pdb, \
            .vasp and others by ASE. Energy and forces are those of DFT (or of the engine that level_of_theory names). \
            A model's values are called ml_energy and ml_forces; they are never a calculator's result. In a database, new \
            rows of a job replace its earlier rows.
            """)

    @Argument(help: "Names of jobs (default: all jobs that have a structure).")
    var jobs: [String] = []
    @Option(
        name: .shortAndLong, help: "Structure file to write, or - for extxyz on standard output.",
        completion: .file())
    var output: String?
    @Option(help: "ASE database (SQLite) to add the structures to.", completion: .file())
    var aseDb: String?
    @Flag(help: "Write every step of every relaxation instead of only the last structure.")
    var path = false
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard output != nil || aseDb != nil else {
            throw ValidationError("-o FILE or --ase-db FILE is expected")
        }
    }

    func run() throws {
        let frames = try spool.client.exportedFrames(of: jobs, wholePath: path)
        guard !frames.isEmpty else { throw CommandError(.failed, "no job has a structure yet") }
        if let output { try write(frames, to: output) }
        if let aseDb {
            try StructureConverter(python: Program.python).write(
                ExtXYZ.bytes(of: frames), to: aseDb, format: "db")
            say(aseDb, frames)
        }
    }

    private func write(_ frames: [Atoms], to output: String) throws {
        switch StructureFormat(file: output) {
        case .foreign(let format) where format != "extxyz":
            try StructureConverter(python: Program.python).write(
                ExtXYZ.bytes(of: frames), to: output, format: format)
        case .programOutput:
            throw CommandError(
                .failed, "\(output): the name does not determine a format; .xyz, .traj or .cif does")
        default:
            var writer = try FrameWriter(output)
            for frame in frames { try writer.write(frame) }
            try writer.finish()
        }
        if output != "-" { say(output, frames) }
    }

    private func say(_ path: String, _ frames: [Atoms]) {
        let jobs = Set(frames.map { $0.info["job"].map { "\($0)" } ?? "" }).count
        printError(
            "\(path): \(frames.count) \(frames.count == 1 ? "structure" : "structures") of \(jobs) \(jobs == 1 ? "job" : "jobs")"
        )
    }
}

import ArgumentParser
import Atomistics
import DataSet
import DurableFiles
import Foundation
import Handoff
import SystemPackage
import Workflow

struct DataSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset",
        abstract: "Manage data sets: labelled structures for training, with their origins.",
        discussion: """
            A data set is an append-only folder: frames.extxyz, which other tools can read, and an index with \
            digests and origins. It has one level of theory and one charge. Recipes list the folder \
            like a file.

              aurelax dataset add mine ring4 --spool .        # the DFT results of a job
              aurelax dataset add mine labelled.extxyz
              aurelax train models/thiolate-gold/recipe.yaml --data mine -o mine.aurelax-model
            """,
        subcommands: [Add.self, List.self, Stats.self, Export.self])

    struct SetArgument: ParsableArguments {
        @Argument(help: "Folder of the data set.", completion: .directory)
        var set: String
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add frames of jobs, packages or files; duplicates are added once.",
            discussion: """
                From a relaxation the first and the last frame are added, and those in which some atom has moved by \
                --distance since the previous one. Results are checked like those of jobs.
                """)

        @OptionGroup var target: SetArgument
        @Argument(
            help: "A job of the spool, the folder of a job or of a package, or an extxyz file.",
            completion: .file(extensions: ["extxyz", "xyz"]))
        var sources: [String]
        @Option(help: "Smallest displacement between frames, Å; 0 for every frame.")
        var distance = 0.05
        @OptionGroup var spool: SpoolOptions

        func validate() throws {
            if !(distance >= 0) { throw ValidationError("--distance is a length in Å, 0 or more.") }
        }

        func run() throws {
            for source in sources {
                var addition = DataSet.Addition()
                // Reading takes about as long as checking, so each is half of the bar.
                let bar = ProgressBar("of \(source)")
                for part in try frames(of: source, progress: { bar.show($0 / 2) }) {
                    let result = try DataSet.add(part, to: target.set) { bar.show((1 + $0) / 2) }
                    addition.added += result.added
                    addition.known += result.known
                }
                bar.clear()
                print(
                    "\(source): \(addition.added) frame\(addition.added == 1 ? "" : "s") added"
                        + (addition.known > 0 ? ", \(addition.known) already in the set" : ""))
            }
        }

        private func frames(of source: String, progress: (Double) -> Void) throws -> [LabelledFrames] {
            var isFolder: ObjCBool = false
            let manager = FileManager.default
            var path = source
            if !manager.fileExists(atPath: path, isDirectory: &isFolder), !source.contains("/") {
                path = spool.spool.outbox.appending(source).string
                guard manager.fileExists(atPath: path, isDirectory: &isFolder) else {
                    throw CommandError(.notFound, "‘\(source)’ is neither a file nor a job of this spool")
                }
            }
            if isFolder.boolValue { return try packages(in: path) }
            let bytes = try bytes(of: path)
            let digest = Digest(of: bytes)
            let name = URL(fileURLWithPath: path).lastPathComponent
            var reader = try ExtXYZReader(MemoryBytes(bytes, label: path))
            var frames: [(Atoms, FrameOrigin)] = []
            while let atoms = try reader.next() {
                frames.append((atoms, FrameOrigin(source: name, digest: digest, step: frames.count)))
                if let fraction = reader.fractionRead { progress(fraction) }
            }
            return [LabelledFrames(frames)]
        }

        /// Returns the frames of a package, or of every package of a job.
        private func packages(in path: String) throws -> [LabelledFrames] {
            let isPackage = FileManager.default.fileExists(atPath: path + "/MANIFEST.json")
            let folders =
                isPackage
                ? [path]
                : try FileManager.default.contentsOfDirectory(atPath: path).sorted().map { "\(path)/\($0)" }
                    .filter { FileManager.default.fileExists(atPath: $0 + "/MANIFEST.json") }
            let results = try folders.compactMap { try AcceptedFrames(package: Directory(FilePath($0))) }
            guard !results.isEmpty else {
                throw CommandError(.failed, "\(path) contains no package with a result")
            }
            return results.map { result in
                let source = "\(result.job), stage \(result.stage), attempt \(result.attempt)"
                return result.frames.enumerated().map {
                    (atoms: $1, origin: FrameOrigin(source: source, digest: result.package, step: $0))
                }.distinct(by: distance)
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the sources, one per line.")

        @OptionGroup var target: SetArgument
        @Flag(help: "Print every frame's entry as JSON.")
        var json = false

        func run() throws {
            let set = try DataSet(at: target.set)
            if json {
                print(try jsonText(set.entries))
                return
            }
            for source in set.sources {
                print(
                    "\(source.added)  \(String(source.digest.hexadecimal.prefix(12)))  "
                        + "\(source.frames) frame\(source.frames == 1 ? "" : "s")  \(source.name)")
            }
        }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print statistics; every byte is checked against its digest.")

        @OptionGroup var target: SetArgument
        @Flag(help: "JSON on standard output.")
        var json = false

        func run() throws {
            let statistics = try DataSetStatistics(DataSet(at: target.set))
            print(json ? try jsonText(statistics) : statistics.description)
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write frames as extxyz, each with its origin.")

        @OptionGroup var target: SetArgument
        @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
        var output: String
        @Option(help: "Only frames of this source, named as in `dataset list`.")
        var source: String?

        func run() throws {
            let set = try DataSet(at: target.set)
            if let source, !set.sources.contains(where: { $0.name == source }) {
                throw CommandError(
                    .failed,
                    "‘\(source)’ is not a source of \(target.set) "
                        + "(its sources are: \(set.sources.map(\.name).joined(separator: "; ")))")
            }
            var writer = try FrameWriter(output)
            for (entry, atoms) in zip(set.entries, try set.framesWithOrigins())
            where source == nil || entry.origin.source == source {
                try writer.write(atoms)
            }
            try writer.finish()
            if output != "-" { printError("\(output): \(counted(writer.frames, "frame"))") }
        }
    }
}

import ArgumentParser
import Foundation
import ModelLibrary
import Subprocess
import SystemPackage
import Workflow

struct Archive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bundle jobs for a repository: inputs, outputs, versions, checksums and a citation file.",
        discussion: """
              aurelax archive ring4 ring5 -o rings.zip --title "Two rings" --author "Doe, Jane" --licence CC-BY-4.0
              aurelax archive --check rings.zip

            The archive is a BagIt bag (RFC 8493) around an RO-Crate 1.1: Zenodo and Materials Cloud accept it unchanged, \
            and NOMAD reads GPAW's files in it. A name that ends in .zip or .tar.gz makes one file; any other name is a \
            folder. The archive has the recipe, version and licence of each model, but not the model itself.
            """)

    @Argument(help: "Names of jobs.")
    var jobs: [String] = []
    @Option(
        name: .shortAndLong,
        help: "Folder, .zip or .tar.gz to write (default: the first job's name with .zip).")
    var output: String?
    @Option(help: "Title of the data set (default: the jobs' names).")
    var title: String?
    @Option(help: "An author, as 'Family, Given'; may be given more than once.")
    var author: [String] = []
    @Option(help: "SPDX identifier of the results' licence, such as CC-BY-4.0.")
    var licence: String?
    @Option(
        help: "Check this archive instead of writing one: compare every file with its checksum.",
        completion: .file())
    var check: String?
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard jobs.isEmpty == (check != nil) else {
            throw ValidationError(
                check == nil ? "give the names of jobs, or --check" : "--check takes an archive and no jobs")
        }
    }

    func run() async throws {
        if let check { return try await verify(check) }
        let output = output ?? "\(jobs[0]).zip"
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "aurelax-archive-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let isPacked = Self.isPacked(output)
        guard !FileManager.default.fileExists(atPath: output) else {
            throw CommandError(.failed, "\(output) exists already")
        }
        let name = Self.stem(output)
        let folder = isPacked ? scratch.appendingPathComponent(name).path : output
        if isPacked {
            try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        }
        var description = JobArchive.Description(
            title: title ?? "Relaxations of \(jobs.joined(separator: ", "))",
            version: Aurelax.configuration.version)
        (description.authors, description.licence) = (author, licence)
        let archive = try JobArchive(
            jobs, of: spool.client, at: FilePath(folder), description, models: Self.model)
        if isPacked { try await pack(scratch.path, name, output) }
        let size = archive.entries.reduce(0) { $0 + $1.bytes }
        printError(
            "\(output): \(jobs.count) \(jobs.count == 1 ? "job" : "jobs"), \(archive.entries.count) files, \(size) bytes"
        )
        if author.isEmpty {
            printError("no author is stated: delete the archive and write it again with --author")
        }
        if licence == nil { printError("no licence of the results is stated: give --licence") }
    }

    private func verify(_ path: String) async throws {
        var folder = path
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "aurelax-archive-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandError(.failed, "\(path): cannot be read")
        }
        if Self.isPacked(path) {
            try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
            try await tool(
                path.hasSuffix(".zip")
                    ? [Program.python, "-m", "zipfile", "-e", path, scratch.path]
                    : ["tar", "-xf", path, "-C", scratch.path])
            let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
            folder = names.count == 1 ? scratch.appendingPathComponent(names[0]).path : scratch.path
        }
        let check = ArchiveCheck(FilePath(folder))
        for problem in check.problems.prefix(20) { printError("\(path): error: \(problem)") }
        if check.problems.count > 20 { printError("… and \(check.problems.count - 20) more") }
        guard check.problems.isEmpty else { throw ExitCode(ExitStatus.failed.rawValue) }
        print("\(path): good: \(check.files) files, \(check.bytes) bytes, all checksums match")
    }

    private func pack(_ folder: String, _ name: String, _ output: String) async throws {
        let path = URL(fileURLWithPath: output).path
        if output.hasSuffix(".zip") {
            try await tool([Program.python, "-m", "zipfile", "-c", path, "\(folder)/\(name)"])
        } else {
            try await tool([
                "tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-czf", path, "-C", folder,
                name,
            ])
        }
    }

    private func tool(_ words: [String]) async throws {
        let end = try await Subprocess.run(
            words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())),
            output: .discarded, error: .string(limit: 1 << 16))
        guard end.terminationStatus.isSuccess else {
            throw CommandError(.failed, "\(words[0]) failed: \((end.standardError).suffix(500))")
        }
    }

    private static func isPacked(_ path: String) -> Bool {
        [".zip", ".tar.gz", ".tgz"].contains { path.lowercased().hasSuffix($0) }
    }

    private static func stem(_ path: String) -> String {
        var name = URL(fileURLWithPath: path).lastPathComponent
        for suffix in [".zip", ".tar.gz", ".tgz"] where name.lowercased().hasSuffix(suffix) {
            name = String(name.dropLast(suffix.count))
        }
        return name
    }

    /// Returns the description of a model; nil if this machine does not have this version of it.
    private static func model(_ name: String, _ version: String) -> JobArchive.Model? {
        guard let known = try? Models.library.describe(name), known.version == version else { return nil }
        let folder = URL(fileURLWithPath: known.path).deletingLastPathComponent()
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let kept = files.filter { $0 == "recipe.yaml" || $0.uppercased().hasPrefix("LICEN") }.sorted()
        let isOurs = name.hasPrefix("thiolate-gold")
        return JobArchive.Model(
            name: name, version: version, levelOfTheory: known.levelOfTheory,
            files: kept.map { FilePath(folder.appendingPathComponent($0).path) },
            licence: isOurs
                ? "Apache-2.0" : kept.contains { $0 != "recipe.yaml" } ? "see its LICENSE file" : "not stated"
        )
    }
}

import ArgumentParser
import Atomistics
import Foundation
import JobSpec
import ModelLibrary
import Workflow
import YAMLDocument

struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a job and drop it, with its structure, into the inbox.",
        discussion: """
              aurelax submit ring4.yaml
              aurelax submit ring4.yaml --dry-run     only checks, and prints the job with every default
              aurelax submit ring4.yaml --wait        follows it to its end; fails where the job does
            """)

    @Argument(help: "Job file (YAML); its structure lies beside it.", completion: .file(extensions: ["yaml"]))
    var job: String
    @Option(help: "Another name for this run of the job.")
    var name: String?
    @Flag(help: "Check only, and print the job as it would be accepted.")
    var dryRun = false
    @Flag(help: "Follow the job until it ends.")
    var wait = false
    @OptionGroup var spool: SpoolOptions

    func run() async throws {
        let checked = try CheckedJob(job)
        if !checked.report.isEmpty { printError(checked.report) }
        guard var job = checked.job else { throw ExitCode(ExitStatus.failed.rawValue) }
        if let name {
            guard Job.isName(name) else { throw ValidationError("'\(name)' cannot be the name of a job") }
            job.name = name
        }
        if dryRun {
            print(job.yaml, terminator: "")
            return
        }
        let client = spool.client
        if let known = try? client.status(of: job.name) {
            throw CommandError(
                .failed,
                "the name '\(job.name)' is taken by a job that is \(known.state.rawValue); use --name")
        }
        try client.submit(job, structure: checked.structure)
        printError("\(job.name): dropped into \(spool.spool.inbox)")
        if wait { try await Follower(client: client, job: job.name).follow() }
    }
}

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check job files and the structures they name, or a spool's aurelax.yaml.",
        discussion: """
            Every mistake is reported at once, with its place and a hint. Ends with status 1 where a job would \
            be rejected.
            """)

    @Argument(help: "Job files (YAML).", completion: .file(extensions: ["yaml"]))
    var jobs: [String]
    @Flag(help: "The diagnostics as JSON on standard output.")
    var json = false

    func run() throws {
        var isGood = true
        var all: [String: [Diagnostic]] = [:]
        for path in jobs {
            if path.split(separator: "/").last.map(String.init) == SpoolConfiguration.file {
                let file = SpoolConfigurationFile(try bytes(of: path), file: path)
                all[path] = file.diagnostics
                isGood = isGood && file.configuration != nil
                guard !json else { continue }
                if !file.report.isEmpty { printError(file.report) }
                if let configuration = file.configuration {
                    print("\(path): good (executor \(configuration.executor.rawValue))")
                }
                continue
            }
            let checked = try CheckedJob(path)
            all[path] = checked.diagnostics
            isGood = isGood && checked.job != nil
            guard !json else { continue }
            if !checked.report.isEmpty { printError(checked.report) }
            if let job = checked.job {
                print("\(path): good (\(job.stages.map(\.kind).joined(separator: " → ")))")
            }
        }
        if json { print(try jsonText(all)) }
        if !isGood { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of a file that aurelax reads.",
        subcommands: [JobFileSchema.self, ConfigurationSchema.self, ScanFileSchema.self])

    struct ScanFileSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "scan", abstract: "JSON Schema (2020-12) of descriptor scans.")

        func run() { print(ScanSchema.jsonSchema, terminator: "") }
    }

    struct JobFileSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "job", abstract: "JSON Schema (2020-12) of job files.")

        func run() { print(JobSchema.jsonSchema, terminator: "") }
    }

    struct ConfigurationSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "config", abstract: "JSON Schema (2020-12) of a spool's aurelax.yaml.")

        func run() { print(SpoolConfigurationSchema.jsonSchema, terminator: "") }
    }
}

/// A job file with the structure it names.
struct CheckedJob {
    /// Nil where something is wrong.
    let job: Job?
    /// The structure's file, where it is one.
    private(set) var structure: [UInt8]?
    private(set) var diagnostics: [Diagnostic]
    private(set) var report: String

    init(_ path: String) throws {
        let file = JobFile(try bytes(of: path), file: path)
        diagnostics = file.diagnostics
        report = file.report
        guard let parsed = file.job else {
            job = nil
            return
        }
        do {
            let text: [UInt8]
            let label: String
            switch parsed.structure {
            case .inline(let inline): (text, label) = (Array(inline.utf8), "\(path): structure")
            case .file(let name):
                let beside = URL(fileURLWithPath: path).deletingLastPathComponent()
                    .appendingPathComponent(name)
                text = try bytes(of: beside.path)
                label = beside.relativePath
                structure = text
            }
            let frames = try ExtXYZ.frames(in: text, label: label)
            guard let atoms = frames.last else {
                throw CommandError(.failed, "\(label): the file holds no structure")
            }
            let problems = file.problems(with: atoms, frames: frames.count)
            diagnostics += problems
            report += file.report(problems)
            job = problems.hasErrors ? nil : parsed
        } catch {
            let text = (error as? CommandError)?.message ?? "\(error)"
            diagnostics.append(Diagnostic(code: "structure", at: nil, keyPath: "structure", message: text))
            report += "\(text)\n"
            job = nil
        }
    }
}

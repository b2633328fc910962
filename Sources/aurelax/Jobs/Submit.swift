import ArgumentParser
import Atomistics
import ForeignStructures
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
              aurelax submit ring4.yaml --wait        follows it to its end; fails if the job fails
              aurelax submit ring4.yaml ring5.yaml    several jobs: none is dropped unless all are valid

            The structure may be in any format that `aurelax convert` reads; what is dropped is extxyz.
            """)

    @Argument(
        help: "Job files (YAML); their structures are beside them.", completion: .file(extensions: ["yaml"]))
    var jobs: [String]
    @Option(help: "Another name for this job; only for a single job.")
    var name: String?
    @Flag(help: "Check only, and print the job as it would be accepted.")
    var dryRun = false
    @Flag(help: "Remove the periodic cell of a molecule in a box.")
    var molecule = false
    @Flag(help: "Follow the job until it ends.")
    var wait = false
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard jobs.count == 1 || name == nil else {
            throw ValidationError("--name can be used with one job, not with \(jobs.count)")
        }
    }

    func run() async throws {
        let client = spool.client
        var good: [(job: Job, structure: [UInt8]?)] = []
        var wrong = 0
        for path in jobs {
            let checked = try CheckedJob(path, isMolecule: molecule)
            if !checked.report.isEmpty { printError(checked.report) }
            guard var job = checked.job else {
                wrong += 1
                continue
            }
            if let origin = checked.origin { printError(origin) }
            if let name {
                guard Job.isName(name) else { throw ValidationError("'\(name)' cannot be the name of a job") }
                job.name = name
            }
            if let other = good.firstIndex(where: { $0.job.name == job.name }) {
                printError("\(path): error: \(jobs[other]) has the same name '\(job.name)'")
                wrong += 1
                continue
            }
            if !dryRun, let known = try? client.status(of: job.name) {
                let text =
                    "a job named '\(job.name)' exists already (\(known.state.rawValue)); choose another name with --name"
                guard jobs.count > 1 else { throw CommandError(.failed, text) }
                printError("\(path): error: \(text)")
                wrong += 1
                continue
            }
            good.append((job, checked.structure))
        }
        guard wrong == 0 else {
            if jobs.count > 1, !dryRun {
                printError("\(wrong) of \(jobs.count) jobs cannot be accepted; none was dropped")
            }
            throw ExitCode(ExitStatus.failed.rawValue)
        }
        if dryRun {
            print(good.map(\.job.yaml).joined(separator: "---\n"), terminator: "")
            return
        }
        for (job, structure) in good {
            try client.submit(job, structure: structure)
            printError("\(job.name): dropped into \(spool.spool.inbox)")
        }
        guard wait else { return }
        for (job, _) in good { try await Follower(client: client, job: job.name).follow() }
    }
}

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check job files and the structures they name, or a spool's aurelax.yaml.",
        discussion: """
            All mistakes are reported at once, with place and hint. Ends with status 1 if a job would \
            be rejected.
            """)

    @Argument(help: "Job files (YAML).", completion: .file(extensions: ["yaml"]))
    var jobs: [String]
    @Flag(help: "Print the diagnostics as JSON.")
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
        commandName: "schema",
        abstract: "Print the JSON Schema of a file that aurelax reads, or its tables for people.",
        subcommands: [
            JobFileSchema.self, ConfigurationSchema.self, RecipeFileSchema.self, ScanFileSchema.self,
        ])

    struct ScanFileSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "scan", abstract: "JSON Schema (2020-12) of descriptor scans.")
        @OptionGroup var form: SchemaForm

        func run() { form.print(ScanSchema.jsonSchema, ScanSchema.scan.tables(named: "scan")) }
    }

    struct JobFileSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "job", abstract: "JSON Schema (2020-12) of job files.")
        @OptionGroup var form: SchemaForm

        func run() { form.print(JobSchema.jsonSchema, JobSchema.tables) }
    }

    struct ConfigurationSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "config", abstract: "JSON Schema (2020-12) of a spool's aurelax.yaml.")
        @OptionGroup var form: SchemaForm

        func run() {
            form.print(
                SpoolConfigurationSchema.jsonSchema, SpoolConfigurationSchema.file.tables(named: "config"))
        }
    }

    struct RecipeFileSchema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "recipe", abstract: "JSON Schema (2020-12) of the recipes of a kind of model.")
        @Option(help: ArgumentHelp(stringLiteral: "Kind: \(RecipeSchema.kinds.joined(separator: ", "))."))
        var kind = RecipeSchema.kinds[0]
        @OptionGroup var form: SchemaForm

        func validate() throws {
            guard RecipeSchema.kinds.contains(kind) else {
                throw ValidationError(
                    "there is no kind ‘\(kind)’: \(RecipeSchema.kinds.joined(separator: ", "))")
            }
        }

        func run() { form.print(RecipeSchema.jsonSchema(kind: kind), RecipeSchema.tables) }
    }
}

struct SchemaForm: ParsableArguments {
    @Flag(help: "Tables of the keys in place of the JSON Schema, as the documents hold them.")
    var markdown = false

    func print(_ schema: String, _ tables: [(String, MappingSchema)]) {
        Swift.print(markdown ? MappingSchema.markdown(tables) : schema, terminator: "")
    }
}

/// A job file with its structure.
struct CheckedJob {
    /// Nil if there is an error.
    let job: Job?
    /// The structure's file; nil for an inline structure.
    private(set) var structure: [UInt8]?
    private(set) var diagnostics: [Diagnostic]
    private(set) var report: String
    /// The program that converted the structure from another format.
    private(set) var origin: String?

    /// - Parameter isMolecule: whether to remove a periodic cell.
    init(_ path: String, isMolecule: Bool = false) throws {
        let file = JobFile(try bytes(of: path), file: path)
        diagnostics = file.diagnostics
        report = file.report
        guard let parsed = file.job else {
            job = nil
            return
        }
        do {
            let atoms: Atoms
            let frames: Int
            switch parsed.structure {
            case .inline(let inline):
                let label = "\(path): structure"
                let all = try ExtXYZ.frames(in: Array(inline.utf8), label: label)
                guard let last = all.last else {
                    throw CommandError(.failed, "\(label): the file holds no structure")
                }
                (atoms, frames) = (last, all.count)
            case .file(let name):
                let beside = URL(fileURLWithPath: path).deletingLastPathComponent()
                    .appendingPathComponent(name)
                let text = try bytes(of: beside.path)
                let given = try LastFrame(of: beside.relativePath)
                structure = given.converted?.bytes ?? text
                (frames, origin) = (given.frames, given.reading(beside.relativePath))
                if isMolecule, given.atoms.periodicity.isPeriodic {
                    atoms = try outOfCell(given.atoms, beside.relativePath)
                    structure = ExtXYZ.bytes(of: [atoms])
                } else {
                    atoms = given.atoms
                }
            }
            var problems = file.problems(with: atoms, frames: frames)
            if !problems.hasErrors { problems += domainProblems(of: parsed, atoms, file) }
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

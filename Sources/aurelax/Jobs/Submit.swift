import ArgumentParser
import Atomistics
import ForeignStructures
import Foundation
import Handoff
import JobSpec
import ModelLibrary
import Workflow
import YAMLDocument

struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a job and drop it, with its structure, into the inbox.",
        discussion: """
              aurelax submit ring4.yaml
              aurelax submit ring4.yaml --dry-run     only checks, and prints the job with all defaults
              aurelax submit ring4.yaml --wait        follows it to its end; fails if the job fails
              aurelax submit ring4.yaml ring5.yaml    several jobs: none is dropped unless all are valid
              aurelax submit cluster.xyz --workflow ml-xtb --name first --set dft.fmax=0.02
              aurelax submit --each structures/*.xyz --workflow ml-xtb

            The structure may be in any format that `aurelax convert` reads; it is dropped as extxyz. A workflow is a \
            job file with placeholders: NAME.yaml in a folder workflows here or in the spool, or one of aurelax's own \
            (ml-dft, ml, dft, ml-xtb, hybrid). --set takes one of its placeholders, or a key of the job as messages name it, \
            with stages counted from 0 (stages.1.dft.fmax=0.02, or dft.fmax=0.02 for every dft stage).
            """)

    @Argument(
        help: "Job files (YAML) beside their structures; with --workflow or --each, structure files.",
        completion: .file())
    var jobs: [String]
    @Option(name: .shortAndLong, help: "Use this workflow (a name or a file); the files are structures.")
    var workflow: String?
    @Flag(help: "Make one job for each structure, by --workflow (default: ml-dft).")
    var each = false
    @Option(help: ArgumentHelp("Set a value; may be given more than once.", valueName: "key=value"))
    var set: [String] = []
    @Option(help: "Another name for this run of the job; for one job only.")
    var name: String?
    @Flag(help: "Check only, and print the job as it would be accepted.")
    var dryRun = false
    @Flag(help: "Remove the periodic cell of a molecule in a box.")
    var molecule = false
    @Flag(help: "Follow the job until it ends.")
    var wait = false
    @OptionGroup var formats: FormatOptions
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard jobs.count == 1 || name == nil else {
            throw ValidationError("--name can be used with one job, not with \(jobs.count)")
        }
        guard jobs.count == 1 || workflow == nil || each else {
            throw ValidationError("\(jobs.count) structures are given; --each makes a job of each")
        }
        for text in set where JobSetting(text) == nil {
            throw ValidationError("--set \(text): KEY=VALUE is expected, as in --set dft.fmax=0.02")
        }
        if workflow == nil, !each {
            for job in jobs
            where !["yaml", "yml"].contains(URL(fileURLWithPath: job).pathExtension.lowercased()) {
                guard
                    StructureFormat(file: job) != .native || job.hasSuffix("xyz") || formats.format != nil
                else { continue }
                throw ValidationError(
                    "\(job) is a structure; choose a workflow for it, such as --workflow ml-dft")
            }
        }
    }

    func run() async throws {
        let client = spool.client
        var good: [(job: Job, structure: [UInt8]?)] = []
        var wrong = 0
        for path in jobs {
            guard let checked = try check(path) else {
                wrong += 1
                continue
            }
            if !checked.report.isEmpty { printError(checked.report) }
            guard var job = checked.job else {
                wrong += 1
                continue
            }
            if let origin = checked.origin { printError(origin) }
            for sentence in checked.expected { printError("\(path): \(sentence)") }
            if let name { job.name = name }
            if let other = good.firstIndex(where: { $0.job.name == job.name }) {
                printError("\(path): error: \(jobs[other]) has the same name '\(job.name)'")
                wrong += 1
                continue
            }
            if !dryRun, let known = try client.knownStatus(of: job.name) {
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

    /// - Returns: nil if several files are given and this one has errors, which have been printed.
    private func check(_ path: String) throws -> CheckedJob? {
        if let name, !Job.isName(name) {
            throw ValidationError(
                "'\(name)' cannot be the name of a job; use letters, digits, '-', '_' and '.', at most 64")
        }
        let settings = set.compactMap(JobSetting.init)
        let engines = SpoolEngines(spool.spool)
        do {
            guard workflow == nil, !each else {
                let template = try Workflows.template(workflow ?? "ml-dft", spool.spool)
                return try CheckedJob(
                    template, structure: path, name: name ?? jobName(ofStructure: path), settings,
                    format: formats.format, isMolecule: molecule, engines: engines)
            }
            guard !settings.isEmpty else {
                return try CheckedJob(
                    path, format: formats.format, isMolecule: molecule, engines: engines)
            }
            let template = JobTemplate(String(decoding: try bytes(of: path), as: UTF8.self), file: path)
            return try CheckedJob(
                template, structure: nil, name: nil, settings, format: formats.format, isMolecule: molecule,
                engines: engines)
        } catch let error as JobTemplateError {
            throw CommandError(.failed, error.description, hasPlace: error.hasPlace)
        } catch let error as CommandError where jobs.count > 1 {
            printError(error.hasPlace ? error.message : "\(path): error: \(error.message)")
            return nil
        }
    }
}

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check job files and the structures they name, or a spool's aurelax.yaml.",
        discussion: """
            All mistakes are reported at once, with place and hint. Ends with status 1 if a job would \
            be rejected.

            If this machine's Python (AURELAX_PYTHON, else python3) has GPAW, GPAW tries the settings of each \
            calculation on single atoms: a basis set, data set or functional that it lacks is found here.
            """)

    @Argument(help: "Job files (YAML).", completion: .file(extensions: ["yaml"]))
    var jobs: [String]
    @Flag(help: "Print the diagnostics as JSON.")
    var json = false
    @Flag(help: "Do not let GPAW check the settings of calculations.")
    var offline = false
    @OptionGroup var spool: SpoolOptions

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
            let checked = try CheckedJob(path, asksGPAW: !offline, engines: SpoolEngines(spool.spool))
            all[path] = checked.diagnostics
            isGood = isGood && checked.job != nil
            guard !json else { continue }
            if !checked.report.isEmpty { printError(checked.report) }
            if let job = checked.job {
                let stages = job.stages.map(\.kind).joined(separator: " → ")
                print((["\(path): good (\(stages))"] + checked.expected).joined(separator: "; "))
            }
        }
        if json { print(try jsonText(all)) }
        if !isGood { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of a file that aurelax reads, or tables of its keys.",
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
            form.print(SpoolConfigurationSchema.jsonSchema, SpoolConfigurationSchema.tables)
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
                    "there is no kind of model ‘\(kind)’; the kinds are "
                        + RecipeSchema.kinds.joined(separator: ", "))
            }
        }

        func run() { form.print(RecipeSchema.jsonSchema(kind: kind), RecipeSchema.tables) }
    }
}

struct SchemaForm: ParsableArguments {
    @Flag(help: "Print tables of the keys, as in the documents, instead of the JSON Schema.")
    var markdown = false

    func print(_ schema: String, _ tables: [(String, MappingSchema)]) {
        Swift.print(markdown ? MappingSchema.markdown(tables) : schema, terminator: "")
    }
}

/// A job file with its structure.
struct CheckedJob {
    /// Nil if there is an error.
    let job: Job?
    /// Content of the structure's file; nil for an inline structure.
    private(set) var structure: [UInt8]?
    private(set) var diagnostics: [Diagnostic]
    private(set) var report: String
    /// The program that converted the structure from another format.
    private(set) var origin: String?
    /// A sentence for each model about the force errors that it expects.
    private(set) var expected: [String] = []

    /// Reads and checks a job file.
    ///
    /// - Parameters:
    ///   - format: the format of the structure's file; nil if the file's name determines it.
    ///   - isMolecule: whether to remove a periodic cell.
    ///   - asksGPAW: whether GPAW, if it is installed, tries the settings of calculations.
    ///   - engines: the engines that the job may name.
    init(
        _ path: String, format: String? = nil, isMolecule: Bool = false, asksGPAW: Bool = false,
        engines: SpoolEngines
    ) throws {
        try self.init(
            try bytes(of: path), file: path, structure: nil, format, isMolecule: isMolecule,
            asksGPAW: asksGPAW, engines)
    }

    /// Fills in a template and checks the resulting job file.
    ///
    /// - Parameters:
    ///   - structure: the structure's file; nil for the file that the template names.
    ///   - name: the job's name; nil for the name that the template gives.
    ///   - format: the format of the structure's file; nil if the file's name determines it.
    /// - Throws: ``JobTemplateError`` for a placeholder without a value or an invalid setting, and other
    ///   errors.
    init(
        _ template: JobTemplate, structure: String?, name: String?, _ settings: [JobSetting],
        format: String?, isMolecule: Bool, engines: SpoolEngines
    ) throws {
        let known = Set(template.placeholders)
        var values = Dictionary(
            settings.compactMap { setting in setting.name.map { ($0, setting.value) } }
        ) { $1 }
        // If a job name is given, the structure in the inbox is named after the job, not after the structure's
        // file.
        if let name { (values["name"], values["structure"]) = (name, "\(name).xyz") }
        let text = try template.text(values)
        let parsed = YAMLNode.parse(Array(text.utf8)).root
        let rest = settings.filter { setting in setting.name.map { !known.contains($0) } ?? true }
        guard var root = parsed, structure != nil || !rest.isEmpty else {
            try self.init(
                Array(text.utf8), file: template.file, structure: structure, format, isMolecule: isMolecule,
                engines)
            return
        }
        var isChanged = false
        for setting in rest {
            try setting.apply(to: &root)
            isChanged = true
        }
        if let name {
            for (key, value) in [("name", name), ("structure", "\(name).xyz")] where root[key]?.text != value
            {
                let node = YAMLNode.parse(Array("value: \(YAMLScalar.text(value))".utf8)).root?["value"]
                if let node { isChanged = root.set(node, at: [.key(key)]) || isChanged }
            }
        }
        try self.init(
            Array((isChanged ? root.yaml : text).utf8), file: template.file, structure: structure, format,
            isMolecule: isMolecule, engines)
    }

    /// - Parameter given: the structure's file; nil for the file that the job names, beside it.
    private init(
        _ source: [UInt8], file path: String, structure given: String?, _ format: String?,
        isMolecule: Bool, asksGPAW: Bool = false, _ engines: SpoolEngines
    ) throws {
        let file = JobFile(source, file: path)
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
            case .inline(let inline) where given == nil:
                let label = "\(path): structure"
                let all = try ExtXYZ.frames(in: Array(inline.utf8), label: label)
                guard let last = all.last else {
                    throw CommandError(.failed, "\(label): the file holds no structure")
                }
                (atoms, frames) = (last, all.count)
            case .file, .inline:
                var place = given ?? ""
                if given == nil, case .file(let name) = parsed.structure {
                    place =
                        URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(name)
                        .relativePath
                }
                let text = try bytes(of: place)
                let read = try LastFrame(of: place, format: format)
                structure = read.converted?.bytes ?? text
                (frames, origin) = (read.frames, read.reading(place))
                if isMolecule, read.atoms.periodicity.isPeriodic {
                    atoms = try outOfCell(read.atoms, place)
                    structure = ExtXYZ.bytes(of: [atoms])
                } else {
                    atoms = read.atoms
                }
            }
            var problems =
                file.problems(with: atoms, frames: frames)
                + file.problems(withoutEngines: engines.names, models: engines.models)
            if !problems.hasErrors {
                let domain = domainProblems(of: parsed, atoms, file)
                problems += domain.problems
                expected = domain.expected
            }
            if asksGPAW, !problems.hasErrors {
                problems += try Self.problems(of: file, atoms, charge: parsed.charge)
            }
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

    /// Returns GPAW's objections to the settings of calculations; equal settings are checked once.
    private static func problems(of file: JobFile, _ atoms: Atoms, charge: Int) throws -> [Diagnostic] {
        let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3"
        let check = GPAWCheck(python: python)
        let elements = Set(atoms.elements).sorted()
        var asked: [DFTStage] = []
        var problems: [Diagnostic] = []
        for calculation in file.calculations where calculation.stage.engine == .gpaw {
            var settings = DFTStage()
            (settings.mode, settings.basis, settings.xc) = (
                calculation.stage.mode, calculation.stage.basis, calculation.stage.xc
            )
            settings.gpaw = calculation.stage.gpaw
            guard !asked.contains(settings) else { continue }
            asked.append(settings)
            // If GPAW is missing, it cannot check the other settings either.
            guard let found = try check.problems(of: settings, elements, atoms.periodicity, charge: charge)
            else { break }
            problems += found.map { file.problem($0.message, key: $0.key, of: calculation) }
        }
        return problems
    }
}

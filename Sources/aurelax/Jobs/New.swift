import ArgumentParser
import Atomistics
import ForeignStructures
import Foundation
import JobSpec
import ModelLibrary
import OrderedCollections
import Workflow

struct NewJob: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Write a commented job file for a structure, after a check of the model's domain.",
        discussion: """
              aurelax new cluster.xyz                          cluster.yaml, beside the structure
              aurelax new cluster.xyz --workflow dft -o first.yaml
              aurelax new --list                               lists the workflows

            The comments describe the structure, say which environments the model knows, and what to check. \
            Edit the file, then run: aurelax submit.
            """)

    @Argument(help: "Structure file.", completion: .file())
    var structure: String?
    @Option(name: .shortAndLong, help: "The workflow, by name or file.")
    var workflow = "ml-dft"
    @Option(
        help: ArgumentHelp(
            "Set a placeholder of the workflow; may be given more than once.", valueName: "key=value"))
    var set: [String] = []
    @Option(help: "Name of the job (default: the structure's).")
    var name: String?
    @Option(
        name: .shortAndLong,
        help:
            "Job file to write, or - for standard output (default: the job's name with .yaml beside the structure)."
    )
    var output: String?
    @Flag(help: "Replace an existing file.")
    var force = false
    @Flag(help: "List the workflows and their files.")
    var list = false
    @OptionGroup var formats: FormatOptions
    @OptionGroup var spool: SpoolOptions

    func validate() throws {
        guard list || structure != nil else {
            throw ValidationError("a structure file is expected, or --list")
        }
        for text in set where JobSetting(text)?.name == nil {
            throw ValidationError("--set \(text): PLACEHOLDER=VALUE is expected, as in --set fmax=0.02")
        }
        if let name, !Job.isName(name) {
            throw ValidationError(
                "'\(name)' cannot be the name of a job; use letters, digits, '-', '_' and '.', at most 64")
        }
    }

    func run() throws {
        if list {
            for (name, path) in Workflows.all(spool.spool) { print("\(name)  \(path)") }
            return
        }
        guard let structure else { return }
        let given = try LastFrame(of: structure, format: formats.format)
        let name = name ?? jobName(ofStructure: structure)
        let template = try Workflows.template(workflow, spool.spool)
        var values = Dictionary(
            set.compactMap(JobSetting.init).compactMap { setting in setting.name.map { ($0, setting.value) } }
        ) { $1 }
        if let unknown = values.keys.sorted().first(where: { !template.placeholders.contains($0) }) {
            throw CommandError(
                .failed,
                "\(template.file) has no placeholder ‘\(unknown)’; it has \(template.placeholders.joined(separator: ", "))"
            )
        }
        values["name"] = name
        values["structure"] = URL(fileURLWithPath: structure).lastPathComponent
        let charge = given.atoms.statedCharge
        if let charge, values["charge"] == nil { values["charge"] = "\(charge)" }
        let body: String
        do { body = try template.text(values) } catch {
            throw CommandError(.failed, error.description, hasPlace: error.hasPlace)
        }
        var lines = about(given, structure, charge: Int(values["charge"] ?? "0") ?? 0)
        lines += model(of: body, template.file, given.atoms)
        let format = formats.format.map { " --format \($0)" } ?? ""
        lines.append(
            format.isEmpty
                ? "Check it: aurelax validate \(name).yaml; start it: aurelax submit \(name).yaml"
                : "Check it: aurelax submit \(name).yaml\(format) --dry-run; start it: the same without --dry-run"
        )
        let text = lines.map { "# \($0)\n" }.joined() + body
        if output == "-" { return print(text, terminator: "") }
        let path =
            output
            ?? URL(fileURLWithPath: structure).deletingLastPathComponent().appendingPathComponent(
                "\(name).yaml"
            ).relativePath
        guard force || !FileManager.default.fileExists(atPath: path) else {
            throw CommandError(
                .failed, "\(path) exists already; --force replaces it, -o names another file")
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        for line in lines.dropLast() { printError(line) }
        printError(path)
    }

    private func about(_ given: LastFrame, _ path: String, charge: Int) -> [String] {
        let atoms = given.atoms
        let electrons = atoms.elements.reduce(-charge) { $0 + $1.atomicNumber }
        var lines = ["\(path): \(atoms.formula), \(atoms.count) \(atoms.count == 1 ? "atom" : "atoms")"]
        if let reading = atoms.reader { lines[0] += ", read by \(reading)" }
        if given.frames > 1 { lines.append("The last of \(given.frames) frames is used.") }
        lines.append(
            electrons % 2 == 0
                ? "Charge \(charge): \(electrons) electrons, an even number."
                : "Charge \(charge): \(electrons) electrons, an odd number. Is the charge right?")
        if atoms.periodicity.isPeriodic {
            lines.append(
                (try? atoms.isMoleculeInBox()) == true
                    ? "It is a molecule in a periodic cell: aurelax submit --molecule removes the cell."
                    : "It is periodic (pbc \(atoms.periodicity.text)): a job keeps its cell.")
        }
        for problem in GeometryCheck().problems(in: atoms).prefix(3) { lines.append("Geometry: \(problem).") }
        if atoms.moveMask?.contains(false) == true {
            lines.append("Its move_mask fixes atoms: ‘move: mask’ in a stage keeps them in their places.")
        }
        return lines
    }

    /// Returns the result of the model's domain check as lines for the user.
    private func model(of text: String, _ file: String, _ atoms: Atoms) -> [String] {
        guard let job = JobFile(Array(text.utf8), file: file).job,
            job.plan.contains(where: { if case .ml = $0.work { true } else { false } })
        else { return [] }
        var molecule = atoms
        if (try? atoms.isMoleculeInBox()) == true { (molecule.cell, molecule.periodicity) = (nil, .none) }
        do {
            let forceField = try Models.library.load(job.model, for: molecule)
            let model =
                job.model == ModelLibrary.automatic
                ? "\(forceField.provenance.name) (model: auto)" : job.model
            let prediction = try forceField.predict(molecule)
            let unknown = prediction.outOfDomain.count { $0 }
            var lines: [String] = []
            if unknown == 0 {
                lines.append(
                    "\(model) knows the environment"
                        + (atoms.count == 1 ? " of its atom." : "s of all \(atoms.count) atoms."))
            } else {
                let counts = Dictionary(
                    zip(atoms.elements, prediction.outOfDomain).filter(\.1).map { ($0.0.symbol, 1) },
                    uniquingKeysWith: +)
                let list = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(
                    separator: ", ")
                lines.append(
                    "\(model) does not know the \(unknown == 1 ? "environment" : "environments") of \(unknown) of "
                        + "\(atoms.count) atoms (\(list)); its forces there are a guess.")
                if unknown * 2 > atoms.count {
                    lines.append("That is more than half: --workflow dft does not use the model.")
                }
            }
            if let errors = prediction.uncertainty, let largest = errors.max() {
                let mean = errors.reduce(0, +) / Double(max(1, errors.count))
                lines.append(
                    String(
                        format:
                            "Expected error of its forces: %.2f eV/Å on average, %.2f eV/Å at the worst atom.",
                        mean, largest))
            }
            lines.append("It was trained on \(forceField.provenance.levelOfTheory).")
            return lines
        } catch {
            return [
                "\(job.model) cannot predict this structure: \(error).",
                "--workflow dft does not use the model.",
            ]
        }
    }
}

extension Atoms {
    /// The charge that the structure's file states, if it is a whole number.
    fileprivate var statedCharge: Int? {
        ["charge", "total_charge", "net_charge", "tot_charge"].lazy.compactMap { self.info[$0]?.double }
            .first.flatMap(Int.init(exactly:))
    }
}

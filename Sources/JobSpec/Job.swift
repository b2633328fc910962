public import YAMLDocument

/// A validated job with all defaults.
///
/// Schema version 1. Lengths in Å, forces in eV/Å, charges in e.
public struct Job: Sendable, Equatable, Codable {
    /// Name of the job and of its folder in the outbox: letters, digits, `-`, `_` and `.`, at most 64,
    /// beginning with a letter or digit.
    public var name: String
    public var structure: StructureSource
    /// Total charge of the system, e.
    public var charge: Int
    /// Name of the force field of the ML stages.
    public var model: String
    /// Jobs with a higher number start first.
    public var priority: Int
    /// Names of jobs that must be completed before this one starts.
    public var after: [String]
    /// Stages in order; never empty.
    public var stages: [Stage]

    public init(
        name: String, structure: StructureSource, charge: Int, model: String, priority: Int,
        after: [String], stages: [Stage]
    ) {
        (self.name, self.structure, self.charge, self.model) = (name, structure, charge, model)
        (self.priority, self.after, self.stages) = (priority, after, stages)
    }
}

/// The source of a job's structure.
public enum StructureSource: Sendable, Equatable, Codable {
    /// The name of a file beside the job file, never a path that leaves its folder.
    case file(String)
    /// Inline XYZ or extxyz text.
    case inline(String)
}

/// One stage of a job.
public enum Stage: Sendable, Equatable, Codable {
    case ml(MLStage)
    case dft(DFTStage)
    case hybrid(HybridStage)
    case singlePoints(SinglePointsStage)

    /// `ml`, `dft`, `hybrid` or `single-points`: the word in the job file.
    public var kind: String {
        switch self {
        case .ml: "ml"
        case .dft: "dft"
        case .hybrid: "hybrid"
        case .singlePoints: "single-points"
        }
    }
}

extension Job {
    /// A job without name, structure and stages, which are set later.
    public static let options = OptionTable(
        defaults: Job(
            name: "", structure: .file(""), charge: 0, model: "auto", priority: 0, after: [],
            stages: [])
    ) {
        OptionSpec<Job>(
            "aurelax", schema: .integer(JobSchema.version...JobSchema.version), required: true,
            "Version of this format: 1."
        ) { _, _ in }
        OptionSpec(
            "name", \.name, .text(pattern: JobSchema.namePattern, check: JobSchema.checkName),
            default: "the file's name without .yaml",
            "Name of the job and of its folder in the outbox: letters, digits, '-', '_' and '.', at most 64.")
        OptionSpec(
            "structure", \.structure, .structure, required: true,
            "Name of an XYZ or extxyz file beside the job file, or the text of one (structure: |).")
        OptionSpec("charge", \.charge, .integer(-100...100), unit: "e", "Total charge.")
        OptionSpec(
            "model", \.model, .text(check: JobSchema.checkModel),
            "Force field of the ML stages: a name that `aurelax model list` prints, or auto: thiolate-gold if it "
                + "knows the structure, else gold-ligands.")
        OptionSpec(
            "priority", \.priority, .integer(-1000...1000), "Jobs with a higher number start first.")
        OptionSpec(
            "after", \.after,
            .list(.text(pattern: JobSchema.namePattern, check: JobSchema.checkName), count: 0...1000),
            "Names of jobs that must be completed before this one starts.")
        OptionSpec<Job>(
            "stages", schema: .list(.mapping(Stage.schema), count: 1...100), required: true,
            "Stages in order: any number of ml, dft, hybrid and single-points."
        ) { node, job in job.stages = node.elements?.map(Stage.init) ?? [] }
    }

    /// The job as a job file with all defaults. Reading it gives the same job.
    public var yaml: String {
        let head = ["aurelax: \(JobSchema.version)"] + Self.options.lines(of: self).yaml(indent: 0)
        let stages = stages.flatMap { stage in
            ["  - \(stage.kind):"] + stage.lines.yaml(indent: 6)
        }
        return (head + ["stages:"] + stages).joined(separator: "\n") + "\n"
    }
}

extension Stage {
    static let schema = MappingSchema(
        [
            KeySchema("ml", .mapping(MLStage.options.schema), "Coarse optimisation with the force field."),
            KeySchema(
                "dft", .mapping(DFTStage.options.schema),
                "Fine optimisation in a package: DFT, or a quicker method."),
            KeySchema(
                "hybrid", .mapping(HybridStage.options.schema),
                "Rounds of ml and a short dft that checks it."),
            KeySchema(
                "single-points", .mapping(SinglePointsStage.options.schema),
                "Energies and forces along the path of an earlier stage, without moving atoms."),
        ], isChoice: true)

    /// - Precondition: the node has passed ``schema``.
    init(_ node: YAMLNode) {
        if let ml = node["ml"] {
            self = .ml(MLStage.options.read(ml))
        } else if let hybrid = node["hybrid"] {
            self = .hybrid(HybridStage.options.read(hybrid))
        } else if let points = node["single-points"] {
            self = .singlePoints(SinglePointsStage.options.read(points))
        } else {
            self = .dft(DFTStage.options.read(node["dft"] ?? node))
        }
    }

    fileprivate var lines: [OptionLine] {
        switch self {
        case .ml(let ml): MLStage.options.lines(of: ml)
        case .dft(let dft): DFTStage.options.lines(of: dft)
        case .hybrid(let hybrid): HybridStage.options.lines(of: hybrid)
        case .singlePoints(let points): SinglePointsStage.options.lines(of: points)
        }
    }
}

extension OptionForm where Value == StructureSource {
    /// The form of `structure`: the name of a file, or a text of several lines, in which each line ends with a line
    /// break.
    fileprivate static var structure: Self {
        Self(
            .text(check: JobSchema.checkStructure),
            read: { node in
                guard let text = node.text else { return nil }
                guard text.contains(where: \.isNewline) else { return .file(text) }
                var rows = text.split(omittingEmptySubsequences: false) { $0.isNewline }
                while rows.last?.isEmpty == true { rows.removeLast() }
                return .inline(rows.map { $0 + "\n" }.joined())
            },
            text: { source in
                switch source {
                case .file(let file): YAMLScalar.text(file)
                case .inline(let text): YAMLScalar.lines(text, indent: 2)
                }
            })
    }
}

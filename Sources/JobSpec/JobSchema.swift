public import YAMLDocument

/// The keys of a job file, schema version 1: the one description that validation, documentation and the JSON
/// Schema share.
public enum JobSchema {
    public static let version = 1

    public static let job = MappingSchema([
        KeySchema(
            "aurelax", .integer(1...1), required: true,
            "Version of this format: 1."),
        KeySchema(
            "name", .text(pattern: namePattern, check: checkName), default: "the file's name without .yaml",
            "Name of the job and of its folder in the outbox: letters, digits, '-', '_' and '.', at most 64."),
        KeySchema(
            "structure", .text(check: checkStructure), required: true,
            "Name of an XYZ or extxyz file beside the job file, or the text of one (structure: |)."),
        KeySchema("charge", .integer(-100...100), default: "0", "Total charge, e."),
        KeySchema(
            "model", .text(check: checkModel), default: "thiolate-gold",
            "Force field of the ML stages: a name that `aurelax model list` prints."),
        KeySchema(
            "priority", .integer(-1000...1000), default: "0", "Jobs with a higher number start first."),
        KeySchema(
            "after", .list(.text(pattern: namePattern, check: checkName), count: 0...1000), default: "[]",
            "Names of jobs that must be completed before this one starts."),
        KeySchema(
            "stages", .list(.mapping(stage), count: 1...100), required: true,
            "What is done, in order: ml, dft, hybrid and single-points in any number."),
    ])

    public static let stage = MappingSchema(
        [
            KeySchema("ml", .mapping(ml), "Coarse optimisation with the force field."),
            KeySchema("dft", .mapping(dft), "Fine optimisation outside aurelax: DFT, or a quicker method."),
            KeySchema("hybrid", .mapping(hybrid), "Rounds of ml and a short dft that checks it."),
            KeySchema(
                "single-points", .mapping(singlePoints),
                "Energies and forces along the path of an earlier stage, without a step."),
        ], isChoice: true)

    public static let dft = MappingSchema(
        method + [
            KeySchema(
                "fmax", force, default: "0.05",
                "Converged when the largest force on a moving atom is below this, eV/Å."),
            KeySchema("max_steps", .integer(0...1_000_000), default: "100", "Steps at most."),
            KeySchema(
                "maxstep", .number(0...1, open: true), default: "0.2",
                "Largest displacement of an atom in one step, Å."),
            KeySchema("move", move, default: "all", moveSummary),
            KeySchema("fix", fix, default: "no atom", fixSummary),
            KeySchema(
                "hessian", .boolean, default: "true",
                "Start the optimiser from the model's Hessian, where an ML stage came before and its model has one."
            ),
            resources,
        ])

    public static let singlePoints = MappingSchema(
        [
            KeySchema(
                "stage", .integer(1...100), default: "the nearest before that has a path",
                "Number of the stage whose path it is, from 1."),
            KeySchema(
                "every", .integer(1...1_000_000), default: "1",
                "Every so many steps, from the first geometry on; the last geometry always."),
            KeySchema(
                "frames", .integer(2...SinglePointsStage.most),
                default: "\(SinglePointsStage.usual), or all where every is given",
                "Of those so many at most, evenly chosen; the first and the last always."),
        ] + method + [resources])

    private static let resources = KeySchema(
        "resources", .mapping(MappingSchema(Resources.keys)),
        "Where a batch system runs the stage: partition, time, nodes, tasks and memory, within the spool's limits."
    )

    /// How energy and forces of a geometry are calculated.
    private static let method = [
        KeySchema(
            "engine", .choice(DFTStage.Engine.allCases.map(\.rawValue)), default: "gpaw",
            "Program: gpaw (DFT), or tblite (GFN1-xTB, for quick local use; not DFT)."),
        KeySchema(
            "mode", .choice(DFTStage.Mode.allCases.map(\.rawValue)), default: "lcao",
            "GPAW: atomic orbitals, finite differences or plane waves."),
        KeySchema(
            "basis", .text(check: checkWord), default: "dzp", "GPAW in LCAO mode: basis set."),
        KeySchema(
            "xc", .text(check: checkWord), default: "PBE", "GPAW: exchange–correlation functional."),
        KeySchema("h", .number(0.05...0.5), default: "0.2", "GPAW: grid spacing, Å."),
        KeySchema(
            "cutoff", .number(100...2000), default: "400", "GPAW in PW mode: plane-wave cutoff, eV."),
        KeySchema(
            "vacuum", .number(1...50), default: "5.0", "GPAW: empty space on every side, Å."),
        KeySchema(
            "smearing", .number(0...1), default: "0.05", "GPAW: width of the Fermi–Dirac smearing, eV."),
        KeySchema(
            "density_convergence", .number(0...0.1, open: true), default: "0.0001",
            "GPAW: convergence of the density, electrons per valence electron."),
    ]

    public static let hybrid = MappingSchema([
        KeySchema("ml", .mapping(ml), default: "as of a stage ml", "What the force field does in a round."),
        KeySchema(
            "check", .mapping(dft), default: "as of a stage dft, without a step",
            "The calculation that ends a round: a dft stage of few steps; of none where max_steps is not given. "
                + "Where its largest force is below its fmax, the stage is done."),
        KeySchema("rounds", .integer(1...20), default: "3", "Rounds at most."),
        KeySchema(
            "max_gradient_calls", .integer(1...100_000), default: "50",
            "No further round where the checks have cost so many gradients."),
        KeySchema(
            "learn", .boolean, default: "false",
            "Train the model anew with what the checks found, before every round but the first; one that turns out "
                + "worse at the next check than the model it began with is not used again."),
    ])

    public static var jsonSchema: String {
        job.jsonSchema(title: "aurelax job", id: "https://aurelax.invalid/schema/job-1.json")
    }

    static let namePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
    static let force = ValueSchema.number(0...100, open: true)

    @Sendable static func checkName(_ text: String) -> TextProblem? {
        if !Job.isName(text) {
            return TextProblem(
                "‘\(text.prefix(80))’ cannot be the name of a job",
                hint: "letters, digits, ‘-’, ‘_’ and ‘.’ only, beginning with a letter or digit, at most 64")
        }
        return text == "rejected"
            ? TextProblem("‘rejected’ is taken", hint: "it is the folder of refused jobs") : nil
    }

    @Sendable private static func checkStructure(_ text: String) -> TextProblem? {
        if text.allSatisfy(\.isWhitespace) {
            return TextProblem("there is neither the name nor the text of a structure")
        }
        if text.contains(where: \.isNewline) {
            return text.unicodeScalars.allSatisfy { isPlain($0) || $0 == "\t" || isNewline($0) }
                ? nil : TextProblem("the structure's text has characters that no structure has")
        }
        let hint =
            "the structure lies beside the job file; give its name alone, or its text after ‘structure: |’"
        if text.contains("/") || text == ".." || text == "." {
            return TextProblem("‘\(text.prefix(80))’ leads out of the job's folder", hint: hint)
        }
        if text.hasPrefix(".") {
            return TextProblem("‘\(text.prefix(80))’ is a hidden file", hint: hint)
        }
        guard text.utf8.count <= 255, text.unicodeScalars.allSatisfy(isPlain)
        else { return TextProblem("this is not the name of a file", hint: hint) }
        return nil
    }

    private static func isNewline(_ scalar: Unicode.Scalar) -> Bool { Character(scalar).isNewline }

    /// Neither hides nor moves anything, and YAML may hold it as it is.
    @Sendable private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    @Sendable static func checkModel(_ text: String) -> TextProblem? {
        Job.isName(text) ? nil : TextProblem("‘\(text.prefix(80))’ is not the name of a model")
    }

    /// What GPAW calls things: `dzp`, `sz(dzp)`, `GLLBSC`, `mgga_x_tpss+mgga_c_tpss`.
    @Sendable private static func checkWord(_ text: String) -> TextProblem? {
        let isWord =
            !text.isEmpty && text.utf8.count <= 80
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "()+-_.:".utf8.contains(byte)
            }
        return isWord ? nil : TextProblem("‘\(text.prefix(80))’ has characters that no such name has")
    }
}

extension Job {
    /// Letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 64.
    public static func isName(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return text.utf8.count <= 64 && text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }
}

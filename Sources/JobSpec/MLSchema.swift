import Atomistics
public import YAMLDocument

extension JobSchema {
    public static let ml = MappingSchema([
        KeySchema(
            "optimizer", .choice(MLStage.Optimizer.allCases.map(\.rawValue)), default: "bfgs",
            "Optimiser: bfgs, lbfgs, fire and fire2 as in ASE; safe-bfgs (damped) and sqnm (for noisy forces)."
        ),
        KeySchema(
            "fmax", force, default: "0.1",
            "Converged when the largest force on a moving atom is below this, eV/Å."),
        KeySchema("max_steps", .integer(0...1_000_000), default: "200", "Steps at most."),
        KeySchema(
            "maxstep", .number(0...1, open: true), default: "0.1",
            "Largest displacement of an atom in one step, Å."),
        KeySchema("move", move, default: "all", moveSummary),
        KeySchema("fix", fix, default: "no atom", fixSummary),
        KeySchema(
            "start_hessian", .choice(MLStage.StartHessian.allCases.map(\.rawValue)), default: "unit",
            "Where bfgs and safe-bfgs start: 70 eV/Å² times the unit matrix, or the model's own Hessian."),
        KeySchema(
            "reset_hessian_every", .integer(1...1_000_000), default: "no reset",
            "The optimiser forgets what it has learnt after so many steps."),
        KeySchema(
            "alternate", .list(.mapping(segment), count: 1...100), default: "all move together",
            "Parts that move in turn, each for its steps or until its atoms are converged."),
        KeySchema(
            "rounds", .integer(1...1_000_000), default: "1", "How often the parts of alternate take turns."),
        KeySchema(
            "at_switch", .choice(MLStage.SwitchTreatment.allCases.map(\.rawValue)), default: "masked-secant",
            "What the optimiser keeps when other atoms begin to move: each part's own curvatures "
                + "(masked-secant), what ASE would (literal), or nothing (reset)."),
        KeySchema(
            "stop_below_uncertainty", .number(0...1000, open: true), default: "no such stop",
            "Stop where every force is below so many times its expected error."),
        KeySchema(
            "stop_after_stagnation", .integer(0...1_000_000),
            default: "20 with a model that has no energies, else 0",
            "Stop after so many steps without progress; 0 for never."),
        KeySchema(
            "stop_at_cycle", .integer(2...1000), default: "no such stop",
            "Stop where the last steps, at most so many, repeat themselves."),
        KeySchema(
            "trusted_error", force, default: "no such limit",
            "An atom whose expected force error is above this, eV/Å, moves less in a step, in proportion."),
        KeySchema(
            "freeze_unknown", .boolean, default: "false",
            "Atoms whose surroundings the model does not know keep their places."),
        KeySchema(
            "remove_net_force", .boolean, default: "false",
            "Take the mean force off every force, where all atoms move."),
        KeySchema(
            "remove_net_torque", .boolean, default: "false",
            "Take the forces of a rigid rotation off, where all atoms move."),
        KeySchema(
            "keep", .choice(MLStage.Keep.allCases.map(\.rawValue)),
            default: "smallest-rms-force with a model that has no energies, else last",
            "Which frame is handed on where the stage did not converge."),
        KeySchema(
            "model", .text(check: checkModel), default: "the job's model", "Force field of this stage."),
        KeySchema(
            "engine", .text(pattern: namePattern, check: checkEngine), default: "no engine",
            "Engine of the spool's aurelax.yaml that gives the forces instead of a model."),
        KeySchema(
            "multiplicity", .integer(1...1000), default: "the engine's choice",
            "Spin multiplicity 2S+1 for the engine."),
    ])

    static let segment = MappingSchema([
        KeySchema("move", move, required: true, moveSummary),
        KeySchema("steps", .integer(1...1_000_000), required: true, "Steps at most in one turn."),
    ])

    static let move = ValueSchema.either(
        [
            .choice(["all", "shell", "core", "mask"]), .list(atomIndex, count: 1...1_000_000),
            .mapping(lists),
        ],
        what:
            "all, shell, core, mask, a list of atom indices, or lists of elements, classes, units and indices"
    )

    static let moveSummary =
        "Atoms that move: all, shell (all but core gold), core (core gold), mask (the structure's move_mask), "
        + "a list of 0-based indices, or lists: {elements: [H], classes: [unit-gold], units: [0], indices: [7]}."

    static let fix = ValueSchema.either(
        [.list(atomIndex, count: 1...1_000_000), .mapping(lists)],
        what: "a list of atom indices, or lists of elements, classes, units and indices, or a height"
    )

    static let fixSummary =
        "Atoms that keep their places, whatever move says: a list of 0-based indices, or lists, or all below a height: "
        + "{elements: [Au], indices: [1, 2], counted_from: 1, below: -2.5}."

    private static let lists = MappingSchema([
        KeySchema(
            "elements", .list(.text(check: checkElement), count: 1...118), "Symbols of elements."),
        KeySchema(
            "classes", .list(.choice(AtomLists.classNames), count: 1...5), "Classes of the first frame."),
        KeySchema(
            "units", .list(atomIndex, count: 1...1_000_000),
            "Staple units, numbered from 0 as `aurelax build units` lists them."),
        KeySchema(
            "indices", .list(atomIndex, count: 1...1_000_000), "Atoms, counted from 0, or as counted_from says."),
        KeySchema(
            "counted_from", .integer(0...1), default: "0", "The number of the first atom in indices: 0 or 1."),
        KeySchema("below", .number(-1e6...1e6), "Atoms whose z coordinate is below this, Å."),
    ])

    private static let atomIndex = ValueSchema.integer(0...9_999_999)

    @Sendable private static func checkEngine(_ text: String) -> TextProblem? {
        Job.isName(text)
            ? nil
            : TextProblem(
                "‘\(text.prefix(80))’ cannot be the name of an engine",
                hint: "a name that stands under ‘engines’ in the spool's aurelax.yaml")
    }

    @Sendable private static func checkElement(_ text: String) -> TextProblem? {
        Element(symbol: text) == nil
            ? TextProblem("‘\(text.prefix(80))’ is not the symbol of an element") : nil
    }
}

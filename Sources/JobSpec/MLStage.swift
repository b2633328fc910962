public import Relaxation
public import YAMLDocument

/// A stage that optimises the structure with the forces of a machine-learning model. Defaults are the paper's, in Å and
/// eV/Å.
///
/// docs/optimizers.md describes the effect of the options on the optimiser.
@dynamicMemberLookup
public struct MLStage: Sendable, Equatable {
    /// Atoms that move in one part of a round of ``alternate`` while the others are fixed.
    public struct Segment: Sendable, Equatable, Codable {
        public var move: MoveSelection
        public var steps: Int

        public init(move: MoveSelection, steps: Int) { (self.move, self.steps) = (move, steps) }
    }

    /// The action if the model does not know the environments in the stage's initial structure (out of domain).
    public enum OutOfDomain: String, Sendable, Codable, CaseIterable {
        case refuse
        case `continue`
    }

    /// Settings of the relaxation that do not depend on the structure or the model. The stage has the same properties:
    /// `stage.fmax` is `stage.relaxation.fmax`.
    public var relaxation = RelaxationSettings()
    public var move: MoveSelection = .all
    /// Groups of atoms that move in turn, one after the other in each of ``rounds`` rounds; empty if all atoms move
    /// together.
    public var alternate: [Segment] = []
    public var rounds = 1
    /// Number of steps without progress after which the stage stops; 0 means never. Nil means the default, which
    /// ``completed(forEnergies:atoms:)`` sets.
    public var stopAfterStagnation: Int?
    /// The frame that becomes the stage's result and the start of the next stage. Nil means the default, which
    /// ``completed(forEnergies:atoms:)`` sets.
    public var keep: KeptFrame?
    /// The action if the initial structure of the stage is out of the model's domain.
    public var outOfDomain = OutOfDomain.refuse
    /// The optimiser. Nil means BFGS or LBFGS, depending on the number of atoms.
    public var optimizer: OptimizerKind?
    /// Whether bonds between non-metal atoms may break and form.
    public var allowBondChanges = false
    /// Name of the model for this stage. Nil means the job's model.
    public var model: String?
    /// Name of an engine of the spool whose forces are used instead of a model's. Nil means that a model is used.
    public var engine: String?
    /// Spin multiplicity 2S+1 for ``engine``. Nil means that the engine chooses it.
    public var multiplicity: Int?

    /// Largest number of atoms for which BFGS is the default.
    public static let largestForBFGS = 400

    public init() {}

    public subscript<Value>(dynamicMember path: WritableKeyPath<RelaxationSettings, Value>) -> Value {
        get { relaxation[keyPath: path] }
        set { relaxation[keyPath: path] = newValue }
    }
}

extension MLStage {
    public static let options = OptionTable(defaults: MLStage()) {
        OptionSpec(
            "optimizer", \.optimizer, .word(),
            default: "bfgs; lbfgs for more than \(largestForBFGS) atoms",
            "Optimiser: bfgs, lbfgs, fire and fire2 as in ASE; safe-bfgs (damped) and sqnm (for noisy forces)."
        )
        OptionSpec(
            "fmax", \.relaxation.fmax, .force, unit: "eV/Å",
            "Converged when the largest force on a moving atom is below this.")
        OptionSpec("max_steps", \.relaxation.maxSteps, .integer(0...1_000_000), "Largest number of steps.")
        OptionSpec(
            "maxstep", \.relaxation.maxStep, .number(0...1, open: true), unit: "Å", stored: "maxStep",
            "Largest displacement of an atom in one step.")
        OptionSpec("move", \.move, .atoms, MoveSelection.sentence)
        OptionSpec(
            "fix", \.move.fixed, .fixed, default: "no atom", AtomLists.sentence
        ).storedWithAnother
        OptionSpec(
            "start_hessian", \.relaxation.startHessian, .word(),
            "Initial Hessian of bfgs and safe-bfgs: 70 eV/Å² times the unit matrix, or the model's own."
        ) { stage in
            if stage.engine != nil, stage.startHessian == .model {
                return "an engine has no Hessian of its own"
            }
            guard let optimizer = stage.optimizer, !optimizer.hasHessian else { return nil }
            return "\(optimizer.rawValue) uses no Hessian"
        }
        OptionSpec(
            "reset_hessian_every", \.relaxation.resetEvery, .integer(1...1_000_000), default: "no reset",
            stored: "resetHessianEvery", "Number of steps after which the optimiser is reset.")
        OptionSpec(
            "alternate", \.alternate, .parts, default: "all move together",
            "Parts that move in turn, each for its steps or until its atoms are converged."
        ).written { !$0.alternate.isEmpty }
        OptionSpec(
            "rounds", \.rounds, .integer(1...1_000_000), "Number of rounds through the parts of alternate.",
            idle: nothingAlternates)
        OptionSpec(
            "at_switch", \.relaxation.atSwitch, .word(),
            "Optimiser state kept when other atoms begin to move: each part's own curvatures "
                + "(masked-secant), as in ASE (literal), or nothing (reset).",
            idle: nothingAlternates)
        OptionSpec(
            "stop_below_uncertainty", \.relaxation.stops.belowUncertainty, .number(0...1000, open: true),
            default: "no such stop", "Stop if every force is below this factor times its expected error.")
        OptionSpec(
            "stop_after_stagnation", \.stopAfterStagnation, .integer(0...1_000_000),
            default: "20 with a model that has no energies, else 0",
            "Stop after this number of steps without progress; 0 for never.")
        OptionSpec(
            "stop_at_cycle", \.relaxation.stops.cycle, .integer(2...1000), default: "no such stop",
            "Stop if a cycle of at most this number of steps repeats itself.")
        OptionSpec(
            "trusted_error", \.relaxation.trustedError, .force, default: "no such limit",
            "Atoms whose expected force error is above this, eV/Å, take proportionally shorter steps.")
        OptionSpec(
            "freeze_unknown", \.relaxation.freezesOutOfDomain, .boolean,
            "Fix atoms while they are out of domain.")
        OptionSpec(
            "out_of_domain", \.outOfDomain, .word(),
            "If the model does not know the stage's initial structure: refuse the stage, or continue."
        )
        OptionSpec(
            "allow_bond_changes", \.allowBondChanges, .boolean,
            "Allow bonds between non-metal atoms to break and form; if false, the stage stops before that.")
        OptionSpec(
            "remove_net_force", \.relaxation.removesNetForce, .boolean,
            "Remove the mean force, if all atoms move.")
        OptionSpec(
            "remove_net_torque", \.relaxation.removesNetTorque, .boolean,
            "Remove the forces of a rigid rotation, if all atoms move.")
        OptionSpec(
            "keep", \.keep, .word(),
            default: "smallest-rms-force with a model that has no energies, else last",
            "The frame that is handed on if the stage did not converge.")
        OptionSpec(
            "model", \.model, .text(check: JobSchema.checkModel), default: "the job's model",
            "Force field of this stage."
        ) { $0.engine == nil ? nil : "the forces are the engine's" }
        OptionSpec(
            "engine", \.engine, .text(pattern: JobSchema.namePattern, check: JobSchema.checkEngine),
            default: "no engine",
            "Engine of the spool's aurelax.yaml that replaces the model.")
        OptionSpec(
            "multiplicity", \.multiplicity, .integer(1...1000), default: "the engine's choice",
            "Spin multiplicity 2S+1 for the engine."
        ) { $0.engine == nil ? "models have no spin" : nil }
    }

    private static let nothingAlternates: @Sendable (MLStage) -> String? = {
        $0.alternate.isEmpty ? "the stage has no ‘alternate’" : nil
    }
}

extension OptionForm where Value == [MLStage.Segment] {
    /// The form of ``alternate``; on the command line `shell:24` for each part.
    fileprivate static var parts: Self {
        let table = OptionTable(defaults: MLStage.Segment(move: .all, steps: 1)) {
            OptionSpec("move", \.move, .atoms, required: true, MoveSelection.sentence)
            OptionSpec(
                "steps", \.steps, .integer(1...1_000_000), required: true,
                "Largest number of steps in one turn.")
        }
        var part = OptionForm<MLStage.Segment>.mapping(table)
        part.argument = { text in
            let pieces = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard pieces.count == 2, let move = OptionForm<MoveSelection>.atoms.argument(pieces[0]) else {
                return nil
            }
            return YAMLNode(argument: [("move", move), ("steps", YAMLNode(argument: pieces[1]))])
        }
        part.argumentHelp = "Written shell:24, once for each part."
        return .list(part, count: 1...100)
    }
}

extension OptionForm where Value == Double {
    /// The form of a force, eV/Å: a positive number.
    static var force: Self { .number(0...100, open: true) }
}

extension MLStage: Codable {
    public init(from decoder: any Decoder) throws { self = try Self.options.decode(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try Self.options.encode(self, to: encoder) }
}

extension MLStage {
    /// Returns the stage with a value for every option whose default depends on the model or the number of atoms.
    ///
    /// Without energies an optimiser cannot tell that it goes uphill. It then stops after 20 steps without progress,
    /// and the stage's result is the frame with the smallest root mean square force. The measurement is in
    /// docs/optimizers.md.
    ///
    /// The matrix of BFGS takes 72 N² bytes for N atoms, and O(N³) operations in each step. For more than
    /// ``largestForBFGS`` atoms, LBFGS replaces BFGS: its first steps are the same, and each step takes less time.
    ///
    /// - Parameters:
    ///   - energies: whether the model predicts energies.
    ///   - atoms: number of atoms.
    public func completed(forEnergies energies: Bool, atoms: Int) -> MLStage {
        var stage = self
        let hasOwnHessian = relaxation.startHessian == .model
        stage.optimizer =
            optimizer ?? (atoms > Self.largestForBFGS && !hasOwnHessian ? .lbfgs : relaxation.optimizer)
        stage.stopAfterStagnation = stopAfterStagnation ?? (energies ? 0 : 20)
        stage.keep = keep ?? (energies ? .last : .smallestRMSForce)
        return stage
    }
}

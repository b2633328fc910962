/// Coarse optimisation with forces of a machine-learning model. Defaults are the paper's; Å and eV/Å.
///
/// What the options do to the optimiser: docs/optimizers.md.
public struct MLStage: Sendable, Equatable, Codable {
    public enum Optimizer: String, Sendable, Codable, CaseIterable {
        case bfgs, lbfgs, fire, fire2, sqnm
        case safeBFGS = "safe-bfgs"
    }

    /// The matrix that BFGS methods start from.
    public enum StartHessian: String, Sendable, Codable, CaseIterable {
        /// 70 eV/Å² times the unit matrix.
        case unit
        /// The model's own, where it has one.
        case model
    }

    /// What an optimiser keeps of what it has learnt when other atoms begin to move.
    public enum SwitchTreatment: String, Sendable, Codable, CaseIterable {
        case literal
        case maskedSecant = "masked-secant"
        case reset
    }

    /// Which frame the stage hands on where it did not converge.
    public enum Keep: String, Sendable, Codable, CaseIterable {
        case last
        case smallestFmax = "smallest-fmax"
        case smallestRMSForce = "smallest-rms-force"
        /// By the model's energy; by the root mean square force where the model has none.
        case lowestEnergy = "lowest-energy"
    }

    /// One of the parts that move in turn.
    public struct Segment: Sendable, Equatable, Codable {
        public var move: MoveSelection
        public var steps: Int

        public init(move: MoveSelection, steps: Int) { (self.move, self.steps) = (move, steps) }
    }

    /// Overrides the job's model for this stage.
    public var model: String?
    /// Name of an engine of the spool that gives the forces instead of a model.
    public var engine: String?
    /// 2S+1 for the engine; nil for its own choice.
    public var multiplicity: Int?
    public var optimizer: Optimizer = .bfgs
    /// Converged when the largest force norm of a moving atom is below this, eV/Å.
    public var fmax = 0.1
    public var maxSteps = 200
    /// Largest displacement of an atom in one step, Å.
    public var maxStep = 0.1
    public var move: MoveSelection = .all

    public var startHessian: StartHessian = .unit
    /// The optimiser forgets what it has learnt after so many steps; nil for never.
    public var resetHessianEvery: Int?
    /// Parts that move in turn, ``rounds`` times; empty where all move together.
    public var alternate: [Segment] = []
    public var rounds = 1
    public var atSwitch: SwitchTreatment = .maskedSecant

    /// Stop where every force is below so many times its expected error; nil for never.
    public var stopBelowUncertainty: Double?
    /// Stop after so many steps without progress, 0 for never; nil for what ``completed(forEnergies:)`` says.
    public var stopAfterStagnation: Int?
    /// Stop where a cycle of at most so many steps repeats itself; nil for never.
    public var stopAtCycle: Int?
    /// An atom whose expected error is above this moves less in a step, in proportion; nil for no such limit.
    public var trustedError: Double?
    /// Atoms whose surroundings the model does not know keep their places.
    public var freezeUnknown = false
    public var removeNetForce = false
    public var removeNetTorque = false
    /// Nil for what ``completed(forEnergies:)`` says.
    public var keep: Keep?

    public init() {}
}

extension MLStage {
    /// Of what was written by a version that did not have every option yet: those take their defaults.
    public init(from decoder: any Decoder) throws {
        self.init()
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ value: inout Value) throws {
            value = try values.decodeIfPresent(Value.self, forKey: key) ?? value
        }
        model = try values.decodeIfPresent(String.self, forKey: .model)
        engine = try values.decodeIfPresent(String.self, forKey: .engine)
        multiplicity = try values.decodeIfPresent(Int.self, forKey: .multiplicity)
        try read(.optimizer, &optimizer)
        try read(.fmax, &fmax)
        try read(.maxSteps, &maxSteps)
        try read(.maxStep, &maxStep)
        try read(.move, &move)
        try read(.startHessian, &startHessian)
        resetHessianEvery = try values.decodeIfPresent(Int.self, forKey: .resetHessianEvery)
        try read(.alternate, &alternate)
        try read(.rounds, &rounds)
        try read(.atSwitch, &atSwitch)
        stopBelowUncertainty = try values.decodeIfPresent(Double.self, forKey: .stopBelowUncertainty)
        stopAfterStagnation = try values.decodeIfPresent(Int.self, forKey: .stopAfterStagnation)
        stopAtCycle = try values.decodeIfPresent(Int.self, forKey: .stopAtCycle)
        trustedError = try values.decodeIfPresent(Double.self, forKey: .trustedError)
        try read(.freezeUnknown, &freezeUnknown)
        try read(.removeNetForce, &removeNetForce)
        try read(.removeNetTorque, &removeNetTorque)
        keep = try values.decodeIfPresent(Keep.self, forKey: .keep)
    }
}

extension MLStage {
    /// The stage with what the job leaves to the model's kind.
    ///
    /// With forces alone nothing tells an optimiser that it goes uphill: it stops after 20 steps without progress and
    /// hands on the frame with the smallest root mean square force. docs/optimizers.md has the measurement.
    ///
    /// - Parameter energies: whether the model has energies.
    public func completed(forEnergies energies: Bool) -> MLStage {
        var stage = self
        stage.stopAfterStagnation = stopAfterStagnation ?? (energies ? 0 : 20)
        stage.keep = keep ?? (energies ? .last : .smallestRMSForce)
        return stage
    }
}

public import YAMLDocument

/// A stage of repeated rounds: each round relaxes the structure with ML and checks the result with a short calculation
/// by an engine. The stage ends when the check converges or ML cannot improve further.
public struct HybridStage: Sendable, Equatable {
    public var ml = MLStage()
    /// The calculation that checks the result of ML, with few steps or none (a single point). The stage ends if its
    /// largest force is below its `fmax`.
    public var check: DFTStage
    /// Largest number of rounds.
    public var rounds = 3
    /// Limit for the number of gradient calls of all checks together; a running check is not
    /// interrupted.
    public var maxGradientCalls = 50
    /// Whether the model is trained on the results of every check before the next round.
    public var learn = false

    public init() {
        check = DFTStage()
        check.maxSteps = 0
        check.optimizer = .bfgs
    }
}

extension HybridStage {
    public static let options = OptionTable(defaults: HybridStage()) {
        OptionSpec(
            "ml", \.ml, .block(MLStage.options), default: "as in an ml stage",
            "The relaxation by the force field in a round.")
        OptionSpec(
            "check", \.check, .block(DFTStage.options), default: "as in a dft stage, with max_steps: 0",
            "The calculation at the end of a round: a dft stage of few steps (by default of none). The stage is "
                + "converged if its largest force is below its fmax.")
        OptionSpec("rounds", \.rounds, .integer(1...20), "Largest number of rounds.")
        OptionSpec(
            "max_gradient_calls", \.maxGradientCalls, .integer(1...100_000),
            "No round begins after this number of gradient calls in all checks.")
        OptionSpec(
            "learn", \.learn, .boolean,
            "Train the model on the results of the checks before every round except the first; a trained model that is "
                + "worse at the next check than the initial model is not used again."
        ) { $0.learn && $0.ml.engine != nil ? "an engine does not learn" : nil }
    }
}

extension HybridStage: Codable {
    public init(from decoder: any Decoder) throws { self = try Self.options.decode(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try Self.options.encode(self, to: encoder) }
}

/// A unit of a job's work: a stage, or the ML or the check of one round of a hybrid stage.
public struct PlannedStage: Sendable, Equatable {
    public enum Work: Sendable, Equatable {
        case ml(MLStage)
        case dft(DFTStage)
        case singlePoints(SinglePointsStage)
    }

    /// The round of a hybrid stage that a unit belongs to.
    public struct Round: Sendable, Equatable {
        public var settings: HybridStage
        /// Number of the round, from 0.
        public var number: Int
        /// Indices of all units of the hybrid stage in ``Job/plan``.
        public var stages: Range<Int>
    }

    public var work: Work
    /// Index of the unit's stage in ``Job/stages``.
    public var stage: Int
    public var round: Round?
}

extension Job {
    /// The units of work in order. Units of a hybrid stage are skipped once the stage has ended.
    public var plan: [PlannedStage] {
        var plan: [PlannedStage] = []
        for (index, stage) in stages.enumerated() {
            switch stage {
            case .ml(let ml): plan.append(.init(work: .ml(ml), stage: index))
            case .dft(let dft): plan.append(.init(work: .dft(dft), stage: index))
            case .singlePoints(let points): plan.append(.init(work: .singlePoints(points), stage: index))
            case .hybrid(let hybrid):
                let range = plan.count..<plan.count + 2 * hybrid.rounds
                for number in 0..<hybrid.rounds {
                    let round = PlannedStage.Round(settings: hybrid, number: number, stages: range)
                    plan.append(.init(work: .ml(hybrid.ml), stage: index, round: round))
                    plan.append(.init(work: .dft(hybrid.check), stage: index, round: round))
                }
            }
        }
        return plan
    }
}

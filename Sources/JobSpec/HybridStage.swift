public import YAMLDocument

/// Rounds of ML and a short calculation that checks it, until the check is content or ML can do no more.
public struct HybridStage: Sendable, Equatable {
    public var ml = MLStage()
    /// With few steps, or none for a single point. A check whose largest force is below its `fmax` ends the
    /// stage.
    public var check: DFTStage
    /// Rounds of ML and check at most.
    public var rounds = 3
    /// Gradients that the checks may cost in all; a check that is under way is not ended.
    public var maxGradientCalls = 50
    /// The model learns from every check before the next round.
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
            "ml", \.ml, .block(MLStage.options), default: "as of a stage ml",
            "What the force field does in a round.")
        OptionSpec(
            "check", \.check, .block(DFTStage.options), default: "as of a stage dft, without a step",
            "The calculation that ends a round: a dft stage of few steps; of none where max_steps is not given. "
                + "Where its largest force is below its fmax, the stage is done.")
        OptionSpec("rounds", \.rounds, .integer(1...20), "Rounds at most.")
        OptionSpec(
            "max_gradient_calls", \.maxGradientCalls, .integer(1...100_000),
            "No further round where the checks have cost so many gradients.")
        OptionSpec(
            "learn", \.learn, .boolean,
            "Train the model anew with what the checks found, before every round but the first; one that turns out "
                + "worse at the next check than the model it began with is not used again."
        ) { $0.learn && $0.ml.engine != nil ? "an engine does not learn" : nil }
    }
}

extension HybridStage: Codable {
    public init(from decoder: any Decoder) throws { self = try Self.options.decode(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try Self.options.encode(self, to: encoder) }
}

/// One piece of work of a job, in the order in which they are done: a hybrid stage is several.
public struct PlannedStage: Sendable, Equatable {
    public enum Work: Sendable, Equatable {
        case ml(MLStage)
        case dft(DFTStage)
        case singlePoints(SinglePointsStage)
    }

    /// Where in a hybrid stage it is.
    public struct Round: Sendable, Equatable {
        public var settings: HybridStage
        /// From 0.
        public var number: Int
        /// Of the hybrid stage's first piece and of what comes after its last, in the plan.
        public var stages: Range<Int>
    }

    public var work: Work
    /// The place in ``Job/stages`` of the stage that it is of.
    public var stage: Int
    public var round: Round?
}

extension Job {
    /// What is done, in order; pieces of a hybrid stage may be passed over.
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

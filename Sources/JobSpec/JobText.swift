import YAMLDocument

extension Job {
    /// The job as a job file, every default written out. Read again it is the same job.
    public var yaml: String {
        var lines = [
            "aurelax: \(JobSchema.version)",
            "name: \(YAMLScalar.text(name))",
        ]
        switch structure {
        case .file(let file): lines.append("structure: \(YAMLScalar.text(file))")
        case .inline(let text): lines.append("structure: \(YAMLScalar.lines(text, indent: 2))")
        }
        lines += [
            "charge: \(charge)", "model: \(YAMLScalar.text(model))", "priority: \(priority)",
            "after: [\(after.map(YAMLScalar.text).joined(separator: ", "))]", "stages:",
        ]
        for stage in stages {
            switch stage {
            case .ml(let ml): lines += ["  - ml:"] + ml.pairs.map { "      \($0): \($1)" }
            case .dft(let dft): lines += ["  - dft:"] + dft.pairs.map { "      \($0): \($1)" }
            case .singlePoints(let points):
                lines += ["  - single-points:"] + points.pairs.map { "      \($0): \($1)" }
            case .hybrid(let hybrid):
                lines += ["  - hybrid:", "      ml:"] + hybrid.ml.pairs.map { "        \($0): \($1)" }
                lines += ["      check:"] + hybrid.check.pairs.map { "        \($0): \($1)" }
                lines += [
                    "      rounds: \(hybrid.rounds)", "      max_gradient_calls: \(hybrid.maxGradientCalls)",
                    "      learn: \(hybrid.learn ?? false)",
                ]
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension MLStage {
    /// Keys and values in the order of the documentation.
    var pairs: [(String, String)] {
        [
            ("optimizer", optimizer.rawValue), ("fmax", YAMLScalar.number(fmax)),
            ("max_steps", maxSteps.description),
            ("maxstep", YAMLScalar.number(maxStep)),
        ] + move.pairs + methodPairs + limitPairs + (model.map { [("model", YAMLScalar.text($0))] } ?? [])
            + (engine.map { [("engine", YAMLScalar.text($0))] } ?? [])
            + (multiplicity.map { [("multiplicity", "\($0)")] } ?? [])
    }

    private var methodPairs: [(String, String)] {
        var pairs: [(String, String)] = []
        if optimizer == .bfgs || optimizer == .safeBFGS {
            pairs.append(("start_hessian", startHessian.rawValue))
        }
        if let resetHessianEvery { pairs.append(("reset_hessian_every", resetHessianEvery.description)) }
        if !alternate.isEmpty {
            let segments = alternate.map { "{move: \($0.move.text), steps: \($0.steps)}" }
            pairs += [
                ("alternate", "[\(segments.joined(separator: ", "))]"), ("rounds", rounds.description),
                ("at_switch", atSwitch.rawValue),
            ]
        }
        return pairs
    }

    private var limitPairs: [(String, String)] {
        var pairs: [(String, String)] = []
        if let stopBelowUncertainty {
            pairs.append(("stop_below_uncertainty", YAMLScalar.number(stopBelowUncertainty)))
        }
        if let stopAfterStagnation {
            pairs.append(("stop_after_stagnation", stopAfterStagnation.description))
        }
        if let stopAtCycle { pairs.append(("stop_at_cycle", stopAtCycle.description)) }
        if let trustedError { pairs.append(("trusted_error", YAMLScalar.number(trustedError))) }
        return pairs + [
            ("freeze_unknown", freezeUnknown.description), ("remove_net_force", removeNetForce.description),
            ("remove_net_torque", removeNetTorque.description),
        ] + (keep.map { [("keep", $0.rawValue)] } ?? [])
    }
}

extension SinglePointsStage {
    var pairs: [(String, String)] {
        (stage.map { [("stage", $0.description)] } ?? []) + [("every", every.description)]
            + (frames.map { [("frames", $0.description)] } ?? []) + calculation.methodPairs
            + calculation.resourcePairs
    }
}

extension DFTStage {
    var pairs: [(String, String)] {
        methodPairs + [
            ("fmax", YAMLScalar.number(fmax)), ("max_steps", maxSteps.description),
            ("maxstep", YAMLScalar.number(maxStep)),
        ] + move.pairs + [("hessian", hessian.description)] + resourcePairs
    }

    fileprivate var resourcePairs: [(String, String)] { resources.map { [("resources", $0.text)] } ?? [] }

    /// Of the calculation of one geometry.
    fileprivate var methodPairs: [(String, String)] {
        var pairs = [("engine", engine.rawValue)]
        if engine == .gpaw {
            pairs.append(("mode", mode.rawValue))
            if mode == .lcao { pairs.append(("basis", YAMLScalar.text(basis))) }
            pairs += [("xc", YAMLScalar.text(xc)), ("h", YAMLScalar.number(h))]
            if mode == .pw { pairs.append(("cutoff", YAMLScalar.number(cutoff))) }
            pairs += [
                ("vacuum", YAMLScalar.number(vacuum)), ("smearing", YAMLScalar.number(smearing)),
                ("density_convergence", YAMLScalar.number(densityConvergence)),
            ]
        }
        return pairs
    }
}

extension MoveSelection {
    /// As a job file says it.
    public var text: String {
        switch self {
        case .all: "all"
        case .shell: "shell"
        case .core: "core"
        case .mask: "mask"
        case .indices(let indices): Self.list(indices.map(\.description))
        case .any(let lists): lists.text
        case .excluding(let base, let lists): "\(base.text), without \(lists.text)"
        }
    }

    private static func list(_ values: [String]) -> String { "[\(values.joined(separator: ", "))]" }

    /// The keys `move` and, where atoms are fixed, `fix`.
    fileprivate var pairs: [(String, String)] {
        [("move", base.text)] + (fixed.map { [("fix", $0.text)] } ?? [])
    }
}

extension AtomLists {
    /// As a job file says it; indices are counted from 0.
    var text: String {
        let lists = [
            ("elements", elements.map(YAMLScalar.text)), ("classes", classes),
            ("units", units.map(\.description)), ("indices", indices.map(\.description)),
        ]
        var parts = lists.filter { !$0.1.isEmpty }.map { "\($0.0): [\($0.1.joined(separator: ", "))]" }
        if let below { parts.append("below: \(YAMLScalar.number(below))") }
        return "{\(parts.joined(separator: ", "))}"
    }
}

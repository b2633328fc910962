extension Job {
    /// The job as a job file, every default written out. Read again it is the same job.
    public var yaml: String {
        var lines = [
            "aurelax: \(JobSchema.version)",
            "name: \(word(name))",
        ]
        switch structure {
        case .file(let file): lines.append("structure: \(quoted(file))")
        case .inline(let text):
            lines.append("structure: |2")
            lines += text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
                "  \($0)"
            }
        }
        lines += [
            "charge: \(charge)", "model: \(word(model))", "priority: \(priority)",
            "after: [\(after.map(word).joined(separator: ", "))]", "stages:",
        ]
        for stage in stages {
            switch stage {
            case .ml(let ml): lines += ["  - ml:"] + ml.pairs.map { "      \($0): \($1)" }
            case .dft(let dft): lines += ["  - dft:"] + dft.pairs.map { "      \($0): \($1)" }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension MLStage {
    /// Keys and values in the order of the documentation.
    var pairs: [(String, String)] {
        [
            ("optimizer", optimizer.rawValue), ("fmax", fmax.description),
            ("max_steps", maxSteps.description),
            ("maxstep", maxStep.description), ("move", move.text),
        ] + (model.map { [("model", word($0))] } ?? [])
    }
}

extension DFTStage {
    var pairs: [(String, String)] {
        var pairs = [("engine", engine.rawValue)]
        if engine == .gpaw {
            pairs.append(("mode", mode.rawValue))
            if mode == .lcao { pairs.append(("basis", quoted(basis))) }
            pairs += [("xc", quoted(xc)), ("h", h.description)]
            if mode == .pw { pairs.append(("cutoff", cutoff.description)) }
            pairs += [
                ("vacuum", vacuum.description), ("smearing", smearing.description),
                ("density_convergence", densityConvergence.description),
            ]
        }
        return pairs + [
            ("fmax", fmax.description), ("max_steps", maxSteps.description),
            ("maxstep", maxStep.description), ("move", move.text), ("hessian", hessian.description),
        ]
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
        case .indices(let indices): "[\(indices.map(\.description).joined(separator: ", "))]"
        }
    }
}

/// A name, in quotation marks where some reader of YAML would take it for something else.
private func word(_ name: String) -> String {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    let isPlain = name.utf8.first.map { $0 > 57 } == true && !reserved.contains(name.lowercased())
    return isPlain ? name : quoted(name)
}

/// Text in quotation marks that YAML reads as text, whatever it looks like.
private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

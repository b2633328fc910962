import YAMLDocument

/// What the schema cannot see, because it lies between keys.
struct JobProblems {
    /// A document of any shape; what does not fit the schema is reported by that.
    let root: YAMLNode
    /// The job's name, or what it is until its own is mended.
    let name: String

    /// So many at most: a file of any size is answered shortly.
    static let most = 50

    var all: [Diagnostic] {
        Array(
            waiting.prefix(Self.most) + withoutPath.prefix(Self.most) + miscounted.prefix(Self.most)
                + withoutEffect.prefix(Self.most))
    }

    /// Atoms 0 where the first is 1.
    private var miscounted: [Diagnostic] {
        (root["stages"]?.elements ?? []).enumerated().flatMap { index, stage -> [Diagnostic] in
            [
                ("ml", stage["ml"]), ("dft", stage["dft"]), ("hybrid.ml", stage["hybrid"]?["ml"]),
                ("hybrid.check", stage["hybrid"]?["check"]),
            ].flatMap { kind, work in
                ["move", "fix"].flatMap { key -> [Diagnostic] in
                    guard let lists = work?[key], lists["counted_from"]?.integer == 1 else { return [] }
                    return (lists["indices"]?.elements ?? []).filter { $0.integer == 0 }.map { node in
                        Diagnostic(
                            code: "out-of-range", at: node.mark, width: node.width,
                            keyPath: "stages[\(index)].\(kind).\(key).indices",
                            message: "there is no atom 0 where atoms are counted from 1",
                            hint: "‘counted_from: 0’, or numbers from 1")
                    }
                }
            }
        }
    }

    /// Jobs that wait for themselves, or twice for the same.
    private var waiting: [Diagnostic] {
        var seen: Set<String> = []
        return (root["after"]?.elements ?? []).enumerated().compactMap { index, node in
            guard let other = node.text else { return nil }
            let keyPath = "after[\(index)]"
            if other == name {
                return Diagnostic(
                    code: "after-itself", at: node.mark, width: node.width, keyPath: keyPath,
                    message: "‘\(name.prefix(80))’ cannot come after itself")
            }
            if seen.insert(other).inserted { return nil }
            return Diagnostic(
                .warning, code: "stands-twice", at: node.mark, width: node.width, keyPath: keyPath,
                message: "‘\(other.prefix(64))’ stands twice")
        }
    }

    /// Single points of nothing: no stage before them has a path, or not the one that is named.
    private var withoutPath: [Diagnostic] {
        let stages = root["stages"]?.elements ?? []
        func isPoints(_ stage: YAMLNode) -> Bool { stage["single-points"] != nil }
        return stages.enumerated().compactMap { index, stage in
            guard let entry = stage.entries?.first(where: { $0.key == "single-points" }) else { return nil }
            func problem(_ at: YAMLNode?, _ message: String, _ hint: String) -> Diagnostic {
                Diagnostic(
                    code: "no-path", at: at?.mark ?? entry.keyMark, width: at?.width ?? entry.keyWidth,
                    keyPath: "stages[\(index)].single-points" + (at == nil ? "" : ".stage"), message: message,
                    hint: hint)
            }
            guard let node = entry.value["stage"] else {
                return stages[..<index].allSatisfy(isPoints)
                    ? problem(
                        nil, "no stage before this one has a path to take geometries from",
                        "put it behind an ml, dft or hybrid stage") : nil
            }
            guard let number = node.integer, number >= 1 else { return nil }
            if number > index {
                return problem(
                    node, "stage \(number) does not come before this one, which is stage \(index + 1)",
                    "the number of an earlier stage, from 1")
            }
            return isPoints(stages[number - 1])
                ? problem(
                    node, "stage \(number) has no path: it is one of single points",
                    "the number of an ml, dft or hybrid stage") : nil
        }
    }

    /// Keys that the chosen engine or mode does not look at.
    private var withoutEffect: [Diagnostic] {
        (root["stages"]?.elements ?? []).enumerated().flatMap { index, stage -> [Diagnostic] in
            let path = "stages[\(index)]"
            return withoutEffect(in: stage["ml"], "\(path).ml", MLStage.reasonAgainst)
                + withoutEffect(in: stage["dft"], "\(path).dft", DFTStage.reasonAgainst)
                + withoutEffect(in: stage["single-points"], "\(path).single-points", DFTStage.reasonAgainst)
                + withoutEffect(in: stage["hybrid"], "\(path).hybrid", HybridStage.reasonAgainst)
                + withoutEffect(in: stage["hybrid"]?["ml"], "\(path).hybrid.ml", MLStage.reasonAgainst)
                + withoutEffect(in: stage["hybrid"]?["check"], "\(path).hybrid.check", DFTStage.reasonAgainst)
        }
    }

    private func withoutEffect(
        in node: YAMLNode?, _ path: String, _ reason: (String, YAMLNode) -> String?
    ) -> [Diagnostic] {
        guard let node, let entries = node.entries else { return [] }
        return entries.compactMap { entry in
            guard let reason = reason(entry.key, node) else { return nil }
            return Diagnostic(
                .warning, code: "no-effect", at: entry.keyMark, width: entry.keyWidth,
                keyPath: "\(path).\(entry.key)", message: "‘\(entry.key)’ has no effect: \(reason)")
        }
    }
}

extension MLStage {
    /// Why a key has no effect; nil where it has one.
    fileprivate static func reasonAgainst(_ key: String, in node: YAMLNode) -> String? {
        switch key {
        case "rounds" where node["alternate"] == nil, "at_switch" where node["alternate"] == nil:
            return "nothing alternates"
        case "model" where node["engine"] != nil: return "the forces are the engine's"
        case "multiplicity" where node["engine"] == nil: return "a model knows of no spin"
        case "start_hessian" where node["engine"] != nil && node["start_hessian"]?.text == "model":
            return "an engine has no Hessian"
        case "start_hessian":
            let optimizer = node["optimizer"]?.text ?? "bfgs"
            guard let known = Optimizer(rawValue: optimizer), known != .bfgs, known != .safeBFGS else {
                return nil
            }
            return "\(optimizer) has no matrix to start from"
        default: return nil
        }
    }
}

extension HybridStage {
    /// Why a key has no effect; nil where it has one.
    fileprivate static func reasonAgainst(_ key: String, in node: YAMLNode) -> String? {
        key == "learn" && node["learn"]?.boolean == true && node["ml"]?["engine"] != nil
            ? "an engine does not learn" : nil
    }
}

extension DFTStage {
    /// Keys that mean something to GPAW alone.
    private static let gpawKeys = [
        "mode", "basis", "xc", "h", "cutoff", "vacuum", "smearing", "density_convergence",
    ]

    /// Why a key has no effect; nil where it has one.
    fileprivate static func reasonAgainst(_ key: String, in node: YAMLNode) -> String? {
        // What is not one of the words has been reported, and says nothing about other keys.
        guard let engine = Engine(rawValue: node["engine"]?.text ?? "gpaw") else { return nil }
        let mode = Mode(rawValue: node["mode"]?.text ?? "lcao")
        if engine != .gpaw { return gpawKeys.contains(key) ? "it is a setting of GPAW" : nil }
        guard let mode else { return nil }
        return switch key {
        case "basis" where mode != .lcao: "the mode is \(mode.rawValue), not lcao"
        case "cutoff" where mode != .pw: "the mode is \(mode.rawValue), not pw"
        default: nil
        }
    }
}

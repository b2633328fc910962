import YAMLDocument

/// Problems that the schema cannot detect because they involve several keys.
struct JobProblems {
    /// A document of any shape; deviations from the schema are reported elsewhere.
    let root: YAMLNode
    /// The job's name, or its default if the name is invalid.
    let name: String

    /// Largest number of problems that are reported, so that any file is checked quickly.
    static let most = 50

    var all: [Diagnostic] {
        Array(
            waiting.prefix(Self.most) + withoutPath.prefix(Self.most) + miscounted.prefix(Self.most)
                + withoutEffect.prefix(Self.most) + ofGPAW.prefix(Self.most))
    }

    /// Errors about an atom 0 in lists that count atoms from 1.
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
                            message: "there is no atom 0, because the list counts atoms from 1",
                            hint: "write ‘counted_from: 0’, or numbers from 1")
                    }
                }
            }
        }
    }

    /// Problems of `after`: the job waits for itself, or names another job twice.
    private var waiting: [Diagnostic] {
        var seen: Set<String> = []
        return (root["after"]?.elements ?? []).enumerated().compactMap { index, node in
            guard let other = node.text else { return nil }
            let keyPath = "after[\(index)]"
            if other == name {
                return Diagnostic(
                    code: "after-itself", at: node.mark, width: node.width, keyPath: keyPath,
                    message: "the job ‘\(name.prefix(80))’ cannot wait for itself")
            }
            if seen.insert(other).inserted { return nil }
            return Diagnostic(
                .warning, code: "stands-twice", at: node.mark, width: node.width, keyPath: keyPath,
                message: "‘\(other.prefix(64))’ appears twice")
        }
    }

    /// Errors about single-points stages without a path: no earlier stage has a path, or the stage that `stage` names
    /// has none.
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
                        nil, "there is no earlier stage with a path from which geometries could be taken",
                        "put it after an ml, dft or hybrid stage") : nil
            }
            guard let number = node.integer, number >= 1 else { return nil }
            if number > index {
                return problem(
                    node, "stage \(number) does not come before this one, which is stage \(index + 1)",
                    "the number of an earlier stage, from 1")
            }
            return isPoints(stages[number - 1])
                ? problem(
                    node, "stage \(number) is a single-points stage, which has no path of its own",
                    "the number of an ml, dft or hybrid stage") : nil
        }
    }

    /// Warnings about keys that have no effect in combination with the others.
    private var withoutEffect: [Diagnostic] {
        (root["stages"]?.elements ?? []).enumerated().flatMap { index, stage -> [Diagnostic] in
            let path = "stages[\(index)]"
            return MLStage.options.idleKeys(of: stage["ml"], at: "\(path).ml")
                + DFTStage.options.idleKeys(of: stage["dft"], at: "\(path).dft")
                + SinglePointsStage.options.idleKeys(
                    of: stage["single-points"], at: "\(path).single-points")
                + HybridStage.options.idleKeys(of: stage["hybrid"], at: "\(path).hybrid")
                + MLStage.options.idleKeys(of: stage["hybrid"]?["ml"], at: "\(path).hybrid.ml")
                + DFTStage.options.idleKeys(of: stage["hybrid"]?["check"], at: "\(path).hybrid.check")
        }
    }
}

extension JobProblems {
    /// Problems of GPAW's settings that contradict each other, or cost more than they seem to.
    private var ofGPAW: [Diagnostic] {
        (root["stages"]?.elements ?? []).enumerated().flatMap { index, stage -> [Diagnostic] in
            let path = "stages[\(index)]"
            return ofGPAW(stage["dft"], "\(path).dft")
                + ofGPAW(stage["single-points"], "\(path).single-points")
                + ofGPAW(stage["hybrid"]?["check"], "\(path).hybrid.check")
        }
    }

    private func ofGPAW(_ node: YAMLNode?, _ path: String) -> [Diagnostic] {
        guard let node, (node["engine"]?.text ?? "gpaw") == "gpaw" else { return [] }
        var problems: [Diagnostic] = []
        func add(
            _ severity: Diagnostic.Severity, _ code: String, _ at: YAMLNode?, _ key: String,
            _ message: String,
            hint: String? = nil
        ) {
            problems.append(
                Diagnostic(
                    severity, code: code, at: at?.mark, width: at?.width ?? 1, keyPath: "\(path).\(key)",
                    message: message, hint: hint))
        }
        let (xc, settings) = (node["xc"], node["gpaw"])
        if let name = xc?.text, Functional.isHybrid(name) {
            add(
                .warning, "slow-functional", xc, "xc",
                "\(name) is a hybrid functional, so a step takes many times as long as with PBE",
                hint:
                    "GPAW has hybrids in PW mode, and some in FD mode; relax with PBE and calculate single "
                    + "points with the hybrid")
        }
        if let name = xc?.text, Functional.isVanDerWaals(name), let dispersion = settings?["dispersion"] {
            add(
                .error, "dispersion-twice", dispersion, "gpaw.dispersion",
                "\(name) describes dispersion itself; a correction would count it twice")
        }
        let occupations = settings?["occupations"]
        if let smearing = node["smearing"], occupations?["width"] != nil {
            add(
                .warning, "no-effect", smearing, "smearing",
                "‘smearing’ has no effect: the occupations have a width")
        }
        if let density = node["density_convergence"], settings?["convergence"]?["density"] != nil {
            add(
                .warning, "no-effect", density, "density_convergence",
                "‘density_convergence’ has no effect: ‘convergence’ has a density")
        }
        if let order = occupations?["order"], occupations?["kind"]?.text != "methfessel-paxton" {
            add(
                .warning, "no-effect", order, "gpaw.occupations.order",
                "‘order’ has no effect: the occupations are not methfessel-paxton")
        }
        return problems
    }
}

public import YAMLDocument

/// A job file that was read: the job, or why there is none.
public struct JobFile: Sendable {
    /// Nil where one of the diagnostics is an error.
    public let job: Job?
    /// In the order of their places.
    public let diagnostics: [Diagnostic]
    private let renderer: DiagnosticRenderer
    private let root: YAMLNode?

    /// - Parameters:
    ///   - file: the file's name; without `.yaml` it is the job's name where the file gives none.
    public init(_ bytes: [UInt8], file: String) {
        renderer = DiagnosticRenderer(file: file, source: bytes)
        let (root, syntax) = YAMLNode.parse(bytes)
        self.root = root
        guard let root else {
            (job, diagnostics) = (nil, syntax)
            return
        }
        let stem = Self.stem(of: file)
        var problems = syntax + JobSchema.job.problems(of: root)
        problems += JobProblems(root: root, name: root["name"]?.text ?? stem).all
        if root.entries != nil, root["name"] == nil, let problem = JobSchema.checkName(stem) {
            problems.append(
                Diagnostic(
                    code: "invalid-text", at: root.mark, keyPath: "name",
                    message: "the job is called after its file, but \(problem.message)",
                    hint: "give the job a name: ‘name: …’"))
        }
        diagnostics = problems.sorted { ($0.mark ?? root.mark) < ($1.mark ?? root.mark) }
        job = problems.hasErrors ? nil : Job(root, name: stem)
    }

    /// The diagnostics as text, each with its line and a caret.
    public var report: String { renderer.render(diagnostics) }

    public func report(_ further: [Diagnostic]) -> String { renderer.render(further) }

    /// What stages ask of a cluster beyond what the spool allows.
    public func problems(beyond limits: Resources) -> [Diagnostic] {
        (root?["stages"]?.elements ?? []).enumerated().flatMap { index, stage in
            [
                ("dft", stage["dft"]), ("hybrid.check", stage["hybrid"]?["check"]),
                ("single-points", stage["single-points"]),
            ].flatMap { key, work in
                guard let node = work?["resources"] else { return [Diagnostic]() }
                return Resources.excesses(node, limits, path: "stages[\(index)].\(key).resources") {
                    "the limit of this spool (slurm.limits.\($0) in its aurelax.yaml)"
                }
            }
        }
    }

    /// Engines that stages ask for and the spool does not have.
    public func problems(withoutEngines known: [String]) -> [Diagnostic] {
        (root?["stages"]?.elements ?? []).enumerated().flatMap { index, stage in
            [("ml", stage["ml"]), ("hybrid.ml", stage["hybrid"]?["ml"])].compactMap { key, work in
                guard let node = work?["engine"], let name = node.text, !known.contains(name) else {
                    return nil
                }
                return Diagnostic(
                    code: "unknown-engine", at: node.mark, width: node.width,
                    keyPath: "stages[\(index)].\(key).engine",
                    message: "this spool has no engine ‘\(name.prefix(80))’",
                    hint: known.isEmpty
                        ? "its aurelax.yaml describes no engines"
                        : "its aurelax.yaml describes \(known.sorted().joined(separator: ", "))")
            }
        }
    }

    /// A key's value, for diagnostics that need the structure too: `stages[0].ml.move`. Where the key does
    /// not stand in the file, the mapping in which it would.
    func node(at path: [PathStep]) -> YAMLNode? {
        var node = root
        for step in path {
            switch step {
            case .key(let key): node = node?[key] ?? node
            case .index(let index):
                node = node?.elements.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? node
            }
        }
        return node
    }

    enum PathStep {
        case key(String)
        case index(Int)
    }

    private static func stem(of file: String) -> String {
        let name = file.split(separator: "/").last.map(String.init) ?? file
        for suffix in [".yaml", ".yml"] where name.lowercased().hasSuffix(suffix) {
            return String(name.dropLast(suffix.count))
        }
        return name
    }
}

extension Job {
    /// - Precondition: the node has passed ``JobSchema``.
    init(_ node: YAMLNode, name: String) {
        let structure = node["structure"]?.text ?? ""
        self.init(
            name: node["name"]?.text ?? name,
            structure: StructureSource(structure),
            charge: node["charge"]?.integer ?? 0, model: node["model"]?.text ?? "thiolate-gold",
            priority: node["priority"]?.integer ?? 0,
            after: node["after"]?.elements?.compactMap(\.text) ?? [],
            stages: node["stages"]?.elements?.map(Stage.init) ?? [])
    }
}

extension StructureSource {
    /// The name of a file, or a text of several lines: these end in one line break each, the last one too.
    fileprivate init(_ text: String) {
        guard text.contains(where: \.isNewline) else {
            self = .file(text)
            return
        }
        var rows = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        while rows.last?.isEmpty == true { rows.removeLast() }
        self = .inline(rows.map { $0 + "\n" }.joined())
    }
}

extension Stage {
    fileprivate init(_ node: YAMLNode) {
        if let ml = node["ml"] {
            self = .ml(MLStage(ml))
        } else if let hybrid = node["hybrid"] {
            self = .hybrid(HybridStage(hybrid))
        } else if let points = node["single-points"] {
            self = .singlePoints(SinglePointsStage(points))
        } else {
            self = .dft(DFTStage(node["dft"] ?? node))
        }
    }
}

extension MLStage {
    /// What has no effect stays as it was, so that jobs that do the same are equal.
    fileprivate init(_ node: YAMLNode) {
        self.init()
        node.set("optimizer", &optimizer)
        node.set("fmax", &fmax)
        node.set("max_steps", &maxSteps)
        node.set("maxstep", &maxStep)
        node.set("move", &move)
        node.fix(&move)
        if optimizer == .bfgs || optimizer == .safeBFGS { node.set("start_hessian", &startHessian) }
        resetHessianEvery = node["reset_hessian_every"]?.integer
        alternate = node["alternate"]?.elements?.map(Segment.init) ?? []
        if !alternate.isEmpty {
            node.set("rounds", &rounds)
            node.set("at_switch", &atSwitch)
        }
        stopBelowUncertainty = node["stop_below_uncertainty"]?.number
        stopAfterStagnation = node["stop_after_stagnation"]?.integer
        stopAtCycle = node["stop_at_cycle"]?.integer
        trustedError = node["trusted_error"]?.number
        node.set("freeze_unknown", &freezeUnknown)
        node.set("remove_net_force", &removeNetForce)
        node.set("remove_net_torque", &removeNetTorque)
        keep = node["keep"]?.text.flatMap(Keep.init)
        engine = node["engine"]?.text
        if engine == nil { model = node["model"]?.text } else { multiplicity = node["multiplicity"]?.integer }
    }
}

extension MLStage.Segment {
    fileprivate init(_ node: YAMLNode) {
        self.init(move: .all, steps: node["steps"]?.integer ?? 1)
        node.set("move", &move)
    }
}

extension HybridStage {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        if let node = node["ml"] { ml = MLStage(node) }
        if let node = node["check"] { check = DFTStage(node, maxSteps: check.maxSteps) }
        node.set("rounds", &rounds)
        node.set("max_gradient_calls", &maxGradientCalls)
        if node["learn"]?.boolean == true, ml.engine == nil { learn = true }
    }
}

extension SinglePointsStage {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        stage = node["stage"]?.integer
        node.set("every", &every)
        frames = node["frames"]?.integer ?? (node["every"] == nil ? frames : nil)
        calculation = DFTStage(node)
    }
}

extension DFTStage {
    /// What has no effect stays as it was, so that jobs that do the same are equal.
    ///
    /// - Parameter maxSteps: where the node does not say.
    fileprivate init(_ node: YAMLNode, maxSteps steps: Int? = nil) {
        self.init()
        if let steps { maxSteps = steps }
        node.set("engine", &engine)
        if engine == .gpaw {
            node.set("mode", &mode)
            if mode == .lcao { node.set("basis", &basis) }
            node.set("xc", &xc)
            node.set("h", &h)
            if mode == .pw { node.set("cutoff", &cutoff) }
            node.set("vacuum", &vacuum)
            node.set("smearing", &smearing)
            node.set("density_convergence", &densityConvergence)
        }
        node.set("fmax", &fmax)
        node.set("max_steps", &maxSteps)
        node.set("maxstep", &maxStep)
        node.set("move", &move)
        node.fix(&move)
        node.set("hessian", &hessian)
        resources = node["resources"].map(Resources.init)
    }
}

/// Values where they stand in a node that has been checked; what does not stand there stays as it was.
extension YAMLNode {
    fileprivate func set(_ key: String, _ value: inout Double) { value = self[key]?.number ?? value }
    fileprivate func set(_ key: String, _ value: inout Int) { value = self[key]?.integer ?? value }
    fileprivate func set(_ key: String, _ value: inout Bool) { value = self[key]?.boolean ?? value }
    fileprivate func set(_ key: String, _ value: inout String) { value = self[key]?.text ?? value }

    fileprivate func set<Choice: RawRepresentable<String>>(_ key: String, _ value: inout Choice) {
        value = self[key]?.text.flatMap(Choice.init(rawValue:)) ?? value
    }

    /// Takes the atoms of `fix` out of those that move.
    fileprivate func fix(_ move: inout MoveSelection) {
        guard let node = self["fix"] else { return }
        var lists = AtomLists()
        if let indices = node.elements?.compactMap(\.integer) {
            lists.indices = Set(indices).sorted()
        } else {
            lists = AtomLists(node)
        }
        move = .excluding(move, lists)
    }

    fileprivate func set(_ key: String, _ value: inout MoveSelection) {
        guard let node = self[key] else { return }
        if let indices = node.elements?.compactMap(\.integer) {
            value = .indices(Array(Set(indices)).sorted())
            return
        }
        if node.entries != nil {
            value = .any(AtomLists(node))
            return
        }
        switch node.text {
        case "shell": value = .shell
        case "core": value = .core
        case "mask": value = .mask
        default: value = .all
        }
    }
}

extension AtomLists {
    fileprivate init(_ node: YAMLNode) {
        func sorted<Value: Hashable & Comparable>(_ key: String, _ value: (YAMLNode) -> Value?) -> [Value] {
            Set(node[key]?.elements?.compactMap(value) ?? []).sorted()
        }
        self.init()
        elements = sorted("elements", \.text)
        classes = sorted("classes", \.text)
        units = sorted("units", \.integer)
        let first = node["counted_from"]?.integer ?? 0
        indices = sorted("indices") { $0.integer.map { $0 - first } }
        below = node["below"]?.number
    }
}

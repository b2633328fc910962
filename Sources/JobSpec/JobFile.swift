public import YAMLDocument

/// A job file after reading: the job, or the errors.
public struct JobFile: Sendable {
    /// The job; nil if one of the diagnostics is an error.
    public let job: Job?
    /// Ordered by their places in the file.
    public let diagnostics: [Diagnostic]
    private let renderer: DiagnosticRenderer
    private let root: YAMLNode?

    /// - Parameter file: the file's name; without `.yaml` it is the default name of the job.
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
                    message: "the job gets its name from its file, but \(problem.message)",
                    hint: "give the job a name: ‘name: …’"))
        }
        diagnostics = problems.sorted { ($0.mark ?? root.mark) < ($1.mark ?? root.mark) }
        var unnamed = Job.options.defaults
        unnamed.name = stem
        job = problems.hasErrors ? nil : Job.options.read(root, from: unnamed)
    }

    /// The diagnostics as text, each with its line and a caret.
    public var report: String { renderer.render(diagnostics) }

    public func report(_ further: [Diagnostic]) -> String { renderer.render(further) }

    /// Returns a diagnostic for each resource that a stage requests beyond the spool's limit.
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

    /// Returns a diagnostic for each engine that a stage names although the spool does not have it, or although a stage
    /// of that kind cannot use it.
    ///
    /// - Parameters:
    ///   - known: the names of the spool's engines.
    ///   - models: the machine-learned engines among them, whose predictions do not count as results of a `dft` stage.
    public func problems(withoutEngines known: [String], models: [String] = []) -> [Diagnostic] {
        (root?["stages"]?.elements ?? []).enumerated().flatMap { index, stage in
            [
                ("ml", stage["ml"], false), ("hybrid.ml", stage["hybrid"]?["ml"], false),
                ("dft", stage["dft"], true), ("hybrid.check", stage["hybrid"]?["check"], true),
                ("single-points", stage["single-points"], true),
            ].compactMap { key, work, isDFT in
                guard let node = work?["engine"], let name = node.text else { return nil }
                func problem(_ code: String, _ message: String, _ hint: String) -> Diagnostic {
                    Diagnostic(
                        code: code, at: node.mark, width: node.width,
                        keyPath: "stages[\(index)].\(key).engine", message: message, hint: hint)
                }
                if isDFT, DFTStage.Engine.builtIn.contains(name) { return nil }
                guard known.contains(name) else {
                    let words = (isDFT ? DFTStage.Engine.builtIn : []) + known
                    return problem(
                        "unknown-engine", "this spool has no engine ‘\(name.prefix(80))’",
                        closest(to: name, among: words).map { "did you mean ‘\($0)’?" }
                            ?? (known.isEmpty
                                ? "its aurelax.yaml describes no engines"
                                : "its aurelax.yaml describes \(known.sorted().joined(separator: ", "))"))
                }
                guard isDFT, models.contains(name) else { return nil }
                return problem(
                    "engine-predicts",
                    "the engine ‘\(name)’ is a machine-learned model, but a \(key) stage needs "
                        + "calculated forces",
                    "use it in an ml stage; its kind is ‘ml’ in the spool's aurelax.yaml")
            }
        }
    }

    /// Returns the value at a key path such as `stages[0].ml.move`, so that a diagnostic can point at it. If a key is
    /// not in the file, returns the mapping that would contain it.
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

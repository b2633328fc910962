public import YAMLDocument

/// A job file after reading: the job, or the errors.
public struct JobFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let job: Job?
    /// Ordered by place.
    public let diagnostics: [Diagnostic]
    private let renderer: DiagnosticRenderer
    private let root: YAMLNode?

    /// - Parameters:
    ///   - file: the file's name; without `.yaml` it is the default name of the job.
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
        var unnamed = Job.options.defaults
        unnamed.name = stem
        job = problems.hasErrors ? nil : Job.options.read(root, from: unnamed)
    }

    /// The diagnostics as text, each with its line and a caret.
    public var report: String { renderer.render(diagnostics) }

    public func report(_ further: [Diagnostic]) -> String { renderer.render(further) }

    /// The requests of stages beyond the limits of the spool.
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

    /// Engines that stages request and the spool does not have.
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

    /// A key's value, for diagnostics that also need the structure: `stages[0].ml.move`. If the key
    /// is not in the file, the mapping to which it belongs.
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

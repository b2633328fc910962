public import Engines
import Foundation
public import JobSpec
public import Slurm
public import YAMLDocument

/// The executor of DFT packages and of ML stages.
public enum Executor: String, Sendable, CaseIterable {
    /// The package is written, and the daemon waits for its result.
    case manual
    /// The daemon runs packages itself, one at a time.
    case local
    case slurm
}

/// The configuration of a spool: `aurelax.yaml` beside its inbox.
public struct SpoolConfiguration: Sendable, Equatable {
    public static let file = "aurelax.yaml"

    public var executor = Executor.manual
    /// Paths of Python and of mpiexec on the machine that runs the packages; nil means that the package finds
    /// the program itself.
    public var python: String?
    public var mpiexec: String?
    public var ml = MLConfiguration()
    public var slurm = SlurmConfiguration()
    /// The engines that jobs may name, beside those that are built in.
    public var engines: [EngineDescription] = []

    public init() {}

    /// Returns the executor of stages of a kind.
    func executor(of kind: StageKind) -> Executor { kind == .ml ? ml.executor : executor }

    var usesSlurm: Bool { executor == .slurm || ml.executor == .slurm }
}

/// The settings for the execution of ML stages.
public struct MLConfiguration: Sendable, Equatable {
    /// `local` (the daemon itself) or `slurm`.
    public var executor = Executor.local
    /// Path of the aurelax program on the nodes; nil for the path of the daemon's own program.
    public var program: String?
    /// Folder of models on the nodes' file system, searched before all other folders of models.
    public var models: String?
    public var resources = SlurmResources()

    public init() {}
}

/// The settings for packages that go through Slurm.
public struct SlurmConfiguration: Sendable, Equatable {
    public var resources = SlurmResources()
    public var rules: [ResourceRule] = []
    public var setup: [String] = []
    public var options: [String] = []
    public var resubmission = ResubmissionRules()
    public var maxQueued = 100
    /// Largest number of elements of an array that run at the same time.
    public var arrayThrottle = 20
    /// Seconds between two polls of the queue.
    public var interval = 30.0
    /// Time-out of a Slurm command, seconds.
    public var timeout = 30.0
    /// Seconds before the time limit at which a run receives a stop signal.
    public var warning = 300
    /// Seconds between the end of a Slurm job and the time at which its missing result counts as lost.
    public var settle = 30.0
    /// Whether to query the places of waiting jobs.
    public var positions = true

    public init() {}

    /// Upper limits for the resources that a job may request.
    public var limits: Resources { resubmission.limits.common }

    /// Returns the resources of a stage: the general values, then every matching rule in order, then the
    /// stage's own values.
    public func resources(for stage: DFTStage, atoms: Int) -> SlurmResources {
        var request = resources
        for rule in rules where rule.kind == .dft && rule.fits(stage, atoms: atoms) {
            request = request.overridden(by: rule.resources)
        }
        guard let own = stage.resources else { return request }
        var wanted = SlurmResources()
        wanted.common = own
        return request.overridden(by: wanted)
    }

    /// Returns the resources of an ML stage, which has one process: the general values, then those of `ml`,
    /// then every matching rule for ML stages.
    public func resources(for ml: MLConfiguration, atoms: Int) -> SlurmResources {
        var request = resources
        (request.nodes, request.tasks) = (nil, 1)
        request = request.overridden(by: ml.resources)
        for rule in rules where rule.kind == .ml && rule.fits(atoms: atoms) {
            request = request.overridden(by: rule.resources)
        }
        return request
    }
}

/// A rule of `aurelax.yaml`: the resources for the stages that match it.
public struct ResourceRule: Sendable, Equatable {
    public var kind = StageKind.dft
    public var minAtoms = 0
    public var maxAtoms = Int.max
    public var engine: DFTStage.Engine?
    public var mode: DFTStage.Mode?
    public var basis: String?
    public var resources = SlurmResources()

    public init() {}

    /// Returns whether the rule matches. Mode and basis apply only to GPAW, a basis only to LCAO mode.
    func fits(_ stage: DFTStage, atoms: Int) -> Bool {
        let isGPAW = stage.engine == .gpaw
        return fits(atoms: atoms)
            && (engine.map { $0 == stage.engine } ?? true)
            && (mode.map { isGPAW && $0 == stage.mode } ?? true)
            && (basis.map { isGPAW && stage.mode == .lcao && $0 == stage.basis } ?? true)
    }

    func fits(atoms: Int) -> Bool { minAtoms <= atoms && atoms <= maxAtoms }
}

/// A configuration file after reading: the configuration, or the errors.
public struct SpoolConfigurationFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let configuration: SpoolConfiguration?
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameter file: the file's path. Messages name it, and relative paths of engines begin in its
    ///   folder.
    public init(_ bytes: [UInt8], file: String) {
        let document = CheckedDocument(
            bytes, file: file, problems: SpoolConfigurationSchema.problems(of:))
        (diagnostics, report) = (document.diagnostics, document.report)
        let folder = URL(fileURLWithPath: file).standardizedFileURL.deletingLastPathComponent().path
        configuration = document.root.map { root in
            var configuration = SpoolConfiguration.options.read(root)
            configuration.engines = configuration.engines.map { $0.resolved(in: folder) }
            return configuration
        }
    }
}

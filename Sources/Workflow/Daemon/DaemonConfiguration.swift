package import Atomistics
package import JobSpec
public import ServiceLifecycle

/// The configuration of a daemon.
public struct DaemonConfiguration: Sendable {
    public var spool: Spool
    /// Directories with trained models.
    public var modelPath: [String]
    /// Number of stages that compute at the same time.
    public var concurrentStages = 1
    /// Whether to end when all remaining jobs wait for something else.
    public var once = false
    /// Time between two polls, with or without hints of the watcher.
    public var interval: Duration = .seconds(1)
    /// Time for which a file in the inbox must be unchanged before it is read.
    public var settle: Duration = .seconds(2)
    /// Delay before new work is started after space or descriptors ran out.
    public var pause: Duration = .seconds(5)
    /// Time that a stage has for reaching its next step when the daemon stops; later it is left
    /// behind.
    public var grace: Duration = .seconds(8)
    /// How long a turn waits for results and reports on other threads before it looks at the other jobs again.
    public var patience: Duration = .seconds(2)
    /// When set, the process ends this long after it was asked to stop, whatever is still running.
    public var exitDeadline: Duration?
    /// A step of a stage that takes longer than this is taken for hanging: the daemon ends, so that whoever
    /// supervises it starts it anew.
    public var stepLimit: Duration = .seconds(3600)
    /// The watcher program; nil to poll without it.
    public var watcher: String?
    /// Python with ASE and the engines, for ML stages and for packages that the daemon runs itself,
    /// unless `aurelax.yaml` names another.
    public var python = "python3"
    /// The path of this program for other machines.
    public var program = "aurelax"
    /// Other machines run the ML stages: their tasks are written into the outbox.
    package var handsOutML = false
    /// Upper limits for a job's request of cluster resources; nil if there are none.
    package var resourceLimits: Resources?
    /// Services that run as long as the daemon; an error of one ends it.
    public var companions: [any Service] = []
    /// The source of force fields; nil for ``modelPath``.
    package var forceField: (@Sendable (_ name: String) throws -> any ForceField)?

    public init(spool: Spool, modelPath: [String]) {
        self.spool = spool
        self.modelPath = modelPath
    }
}

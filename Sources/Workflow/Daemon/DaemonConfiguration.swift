package import Atomistics
package import JobSpec
public import ServiceLifecycle

/// How a daemon works.
public struct DaemonConfiguration: Sendable {
    public var spool: Spool
    /// Directories with trained models.
    public var modelPath: [String]
    /// Stages that compute at the same time.
    public var concurrentStages = 1
    /// End when nothing is left that can be done without anybody else.
    public var once = false
    /// Between two looks at everything, with or without hints of the watcher.
    public var interval: Duration = .seconds(1)
    /// How long a file of the inbox has to be the same before it is read.
    public var settle: Duration = .seconds(2)
    /// After space or descriptors ran out, before anything new is begun.
    public var pause: Duration = .seconds(5)
    /// How long a stage may take to its next step when the daemon stops; then it is left where it is.
    public var grace: Duration = .seconds(8)
    /// How long a turn waits for results and reports on other threads before it looks at the other jobs again.
    public var patience: Duration = .seconds(2)
    /// When set, the process ends this long after it was asked to stop, whatever is still running.
    public var exitDeadline: Duration?
    /// A step of a stage that takes longer than this is taken for hanging: the daemon ends, so that whoever
    /// supervises it starts it anew.
    public var stepLimit: Duration = .seconds(3600)
    /// The watcher's program; nil to look without it.
    public var watcher: String?
    /// Python with ASE and the engines: of ML stages, and where the daemon runs packages itself, unless `aurelax.yaml`
    /// names another.
    public var python = "python3"
    /// This program, where others are to run it.
    public var program = "aurelax"
    /// ML stages are done by other machines: their tasks are put into the outbox.
    package var handsOutML = false
    /// The most that a job may ask of a cluster; nil where there is none.
    package var resourceLimits: Resources?
    /// What else runs as long as the daemon does; what one of them throws ends it.
    public var companions: [any Service] = []
    /// Where force fields come from; nil for ``modelPath``.
    package var forceField: (@Sendable (_ name: String) throws -> any ForceField)?

    public init(spool: Spool, modelPath: [String]) {
        self.spool = spool
        self.modelPath = modelPath
    }
}

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
    public var settle: Duration = .seconds(1)
    /// The watcher's program; nil to look without it.
    public var watcher: String?

    public init(spool: Spool, modelPath: [String]) {
        self.spool = spool
        self.modelPath = modelPath
    }
}

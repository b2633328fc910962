/// How one start of a package ended.
public enum RunOutcome: Sendable, Equatable, CustomStringConvertible {
    /// The calculation came to its end, whether it converged or not.
    case finished(ResultVerdict)
    /// It had come to its end before.
    case alreadyFinished(ResultVerdict)
    /// On demand; it goes on when it is started again.
    case stopped
    /// Somebody else runs it.
    case busy(String)
    /// It cannot be run like this.
    case refused(String)
    /// The processes ended without a result: killed, out of memory, or a program that is not there.
    case crashed(status: String, lastLines: [String])

    /// The exit status of a command that ends like this: ``PackageExit``.
    public var exitCode: Int32 {
        switch self {
        case .finished(let verdict), .alreadyFinished(let verdict): verdict.exitCode
        case .stopped: PackageExit.stopped.rawValue
        case .refused: PackageExit.refused.rawValue
        case .busy: PackageExit.busy.rawValue
        case .crashed: PackageExit.crashed.rawValue
        }
    }

    public var description: String {
        switch self {
        case .finished(let verdict): "finished: \(verdict.rawValue)"
        case .alreadyFinished(let verdict): "finished before: \(verdict.rawValue)"
        case .stopped: "stopped; it goes on from its last step when it is run again"
        case .busy(let holder): "already running (\(holder))"
        case .refused(let reason): "refused: \(reason)"
        case .crashed(let status, let lines):
            (["ended without a result (\(status))"] + lines).joined(separator: "\n    ")
        }
    }
}

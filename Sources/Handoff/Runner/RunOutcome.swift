/// The outcome of one start of a package.
public enum RunOutcome: Sendable, Equatable, CustomStringConvertible {
    /// The calculation ended, converged or not.
    case finished(ResultVerdict)
    /// It had ended before.
    case alreadyFinished(ResultVerdict)
    /// Stopped on request; the next start resumes.
    case stopped
    /// Another process is running it.
    case busy(String)
    /// It cannot be run in this state.
    case refused(String)
    /// The processes ended without a result: killed, out of memory, or a missing program.
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
        case .stopped: "stopped; run it again to resume from its last step"
        case .busy(let holder): "already running (\(holder))"
        case .refused(let reason): "refused: \(reason)"
        case .crashed(let status, let lines):
            (["ended without a result (\(status))"] + lines).joined(separator: "\n    ")
        }
    }
}

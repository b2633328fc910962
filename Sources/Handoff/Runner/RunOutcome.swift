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

    /// The exit status of a command that ends like this: 0 converged, 3 step limit, 4 self-consistency
    /// failed, 5 values that are not finite, 6 stopped, 7 the engine failed, 8 refused, 9 somebody else runs
    /// it, 10 it ended without a result. Up to 8 they are those of `run.sh`.
    public var exitCode: Int32 {
        switch self {
        case .finished(let verdict), .alreadyFinished(let verdict): verdict.exitCode
        case .stopped: ResultVerdict.stopped.exitCode
        case .refused: 8
        case .busy: 9
        case .crashed: ResultVerdict.crashed.exitCode
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

extension ResultVerdict {
    /// As the scripts exit.
    public var exitCode: Int32 {
        switch self {
        case .converged: 0
        case .stepLimit: 3
        case .notSelfConsistent: 4
        case .notFinite: 5
        case .stopped: 6
        case .engineError: 7
        case .crashed: 10
        }
    }
}

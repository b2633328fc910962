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

    /// The exit status for this outcome: 0 converged, 3 step limit, 4 SCF not converged, 5 values
    /// that are not finite, 6 stopped, 7 the engine failed, 8 refused, 9 another process is running
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
        case .stopped: "stopped; run it again to resume from its last step"
        case .busy(let holder): "already running (\(holder))"
        case .refused(let reason): "refused: \(reason)"
        case .crashed(let status, let lines):
            (["ended without a result (\(status))"] + lines).joined(separator: "\n    ")
        }
    }
}

extension ResultVerdict {
    /// The exit status of the scripts.
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

/// Exit status of `run.sh` and of `aurelax dft run`. The scripts, the packages' README and docs/hand-off.md follow this
/// table.
public enum PackageExit: Int32, Sendable, CaseIterable {
    case converged = 0
    case stepLimit = 3
    case notSelfConsistent = 4
    case notFinite = 5
    case stopped = 6
    case engineError = 7
    case refused = 8
    case crashed = 10
    /// Larger than every signal number, because an MPI launcher exits with the number of the signal that killed a rank.
    case busy = 75

    /// The verdict that the scripts write into `result/DONE.json` with this status; nil if they write none.
    public var verdict: ResultVerdict? {
        ResultVerdict.allCases.first { $0.exit == self && $0 != .crashed }
    }

    /// Meaning of the status after a relaxation.
    public var meaning: String {
        switch self {
        case .converged: "`converged`: largest force norm of a moving atom below `fmax`"
        case .stepLimit: "`step-limit`"
        case .notSelfConsistent: "`scf-not-converged`: self-consistency failed"
        case .notFinite: "`non-finite`: values that are not finite"
        case .stopped: "`stopped`: run it again"
        case .engineError: "`engine-error`: the engine failed"
        case .refused: "refused: damaged, of another run, or a program is missing; the message says which"
        case .busy: "another process runs the package"
        case .crashed:
            "`aurelax dft run` only: it ended without a result (killed, out of memory, silent for an hour)"
        }
    }

    /// Meaning of the status after single points; nil if single points never exit with it.
    var meaningOfPoints: String? {
        switch self {
        case .converged: "all calculated"
        case .stepLimit: nil
        case .notSelfConsistent: "`scf-not-converged`: self-consistency failed for some"
        case .stopped: "`stopped`, or other processes calculate the rest: run it again"
        default: meaning
        }
    }

    /// Returns the table of exit statuses for documents and READMEs.
    static func table(ofPoints: Bool = false, of statuses: [PackageExit] = allCases) -> String {
        let rows = statuses.compactMap { status in
            (ofPoints ? status.meaningOfPoints : status.meaning).map { "| \(status.rawValue) | \($0) |" }
        }
        return (["| Exit status | Meaning |", "|---|---|"] + rows).joined(separator: "\n")
    }

    /// The table of exit statuses in docs/hand-off.md.
    public static var markdown: String { table() }

    /// The statuses with which the scripts, and so `run.sh`, can exit.
    static var ofScripts: [PackageExit] { allCases.filter { $0 != .crashed } }
}

extension ResultVerdict {
    /// The exit status of the scripts for this verdict. For a crash it is the status of `aurelax dft run`, because
    /// crashed scripts choose none.
    public var exit: PackageExit {
        switch self {
        case .converged: .converged
        case .stepLimit: .stepLimit
        case .notSelfConsistent: .notSelfConsistent
        case .notFinite: .notFinite
        case .stopped: .stopped
        case .engineError: .engineError
        case .crashed: .crashed
        }
    }

    /// The exit status as a number.
    public var exitCode: Int32 { exit.rawValue }
}

public import DurableFiles
public import SystemPackage

/// The exit statuses of the program; scripts may rely on the numbers.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    case done = 0
    /// The request did not succeed: a job failed, a file is not valid.
    case failed = 1
    case usage = 2
    /// Another daemon is running on this spool.
    case locked = 3
    /// The store is damaged, of another version, or on an unsuitable file system; nothing was
    /// changed.
    case store = 4
    /// Disk space, file descriptors or permissions are lacking.
    case resource = 5
    /// The disk did not keep written data. The next start recovers what is on the disk.
    case disk = 6
    /// No such job or spool.
    case notFound = 7
    /// A relaxation ended without convergence; its output is written.
    case notConverged = 8
    /// The force field does not exist, or has not been trained yet.
    case noModel = 9
}

/// An error of a spool, of its daemon or store, or of one of its jobs.
public enum WorkflowError: Error, Sendable, CustomStringConvertible {
    case locked(LockHeld)
    case unsuitableFileSystem(FilePath, String)
    case damagedStore(FilePath, String)
    case foreignStore(FilePath, found: Int, known: Int)
    /// Another process changed the job: the transition was not made.
    case staleTransition(job: String)
    /// A step of the job's stage takes too long.
    case stageHangs(job: String, Duration)
    case noSuchJob(String)
    /// The job's file still waits in the inbox, for this reason.
    case notTakenIn(String, why: InboxDelay)
    case noSpool(FilePath)
    case file(FileError)
    /// The store could not be read or written; the last value is true if written data may be lost.
    case database(FilePath, String, Bool)
    case notAllowed(String)
    /// `aurelax.yaml` cannot be used; the report has places and reasons.
    case configuration(String)

    public var exitStatus: ExitStatus {
        switch self {
        case .locked: .locked
        case .unsuitableFileSystem, .damagedStore, .foreignStore: .store
        case .noSuchJob, .notTakenIn, .noSpool: .notFound
        case .file(let error): error.isFatal ? .disk : .resource
        case .database(_, _, let isFatal): isFatal ? .disk : .resource
        case .configuration: .usage
        case .staleTransition, .notAllowed, .stageHangs: .failed
        }
    }

    public var description: String {
        switch self {
        case .locked(let held):
            "\(held); a spool has only one daemon: stop the other one, or use another spool (--spool)"
        case .unsuitableFileSystem(let path, let kind):
            "\(path.escaped) is on \(kind), where locks and the job store cannot be trusted; "
                + "use a spool on a local disk (its inbox and outbox may be links)"
        case .damagedStore(let path, let why):
            "\(path.escaped) is damaged (\(why)); it was not changed: restore it from a copy, or "
                + "rebuild it from the outbox (aurelax recover)"
        case .foreignStore(let path, let found, let known):
            "\(path.escaped) has schema \(found), but this version knows only \(known); use the version that "
                + "wrote it"
        case .staleTransition(let job): "job \(job) was changed by another process"
        case .stageHangs(let job, let limit):
            "job \(job) has computed one step for more than \(limit); the daemon ends, and the next one retries the step, "
                + "at most three times"
        case .noSuchJob(let name): "there is no job \(name)"
        case .notTakenIn(let name, .noDaemon):
            "\(name) waits in the inbox, and no daemon is running on this spool: `aurelax daemon` starts one"
        case .notTakenIn(let name, .notSeen):
            "\(name) waits in the inbox; the daemon will accept it within seconds"
        case .notTakenIn(let name, .because(let why)): "\(name) waits in the inbox: \(why)"
        case .noSpool(let path):
            "\(path.escaped) is not a spool, because it has no .aurelax folder; start `aurelax daemon` there "
                + "first"
        case .file(let error): error.description
        case .database(let path, let why, _): "\(path.escaped): \(why)"
        case .notAllowed(let why): why
        case .configuration(let report): report
        }
    }
}

/// The reason why a job's file is still in the inbox.
public enum InboxDelay: Sendable, Equatable {
    case noDaemon
    /// The daemon has not reported on it yet.
    case notSeen
    /// The daemon's report: `waiting for ring4.xyz`.
    case because(String)
}

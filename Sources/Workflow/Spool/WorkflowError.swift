public import DurableFiles
public import SystemPackage

/// How the program ends: the numbers are a promise to scripts.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    case done = 0
    /// What was asked for did not succeed: a job failed, a file is not valid.
    case failed = 1
    case usage = 2
    /// Another daemon works on this spool.
    case locked = 3
    /// The store is damaged, of another version, or on a file system that cannot hold it; nothing was
    /// changed.
    case store = 4
    /// Space, descriptors or rights are missing.
    case resource = 5
    /// The disk refused to keep written data. The state is what recovery finds at the next start.
    case disk = 6
    /// No such job or spool.
    case notFound = 7
    /// A relaxation ended before it had converged; its output is written.
    case notConverged = 8
    /// The force field does not exist, or has not been trained yet.
    case noModel = 9
}

/// Why the workflow cannot do something; the job or the daemon it happened to is known to the catcher.
public enum WorkflowError: Error, Sendable, CustomStringConvertible {
    case locked(LockHeld)
    case unsuitableFileSystem(FilePath, String)
    case damagedStore(FilePath, String)
    case foreignStore(FilePath, found: Int, known: Int)
    /// Somebody else moved the job on: the transition was not made.
    case staleTransition(job: String)
    /// A step of the job's stage takes too long.
    case stageHangs(job: String, Duration)
    case noSuchJob(String)
    /// The job's file waits in the inbox, and why.
    case notTakenIn(String, why: InboxDelay)
    case noSpool(FilePath)
    case file(FileError)
    /// The store could not be read or written; true where what was written may be lost.
    case database(FilePath, String, Bool)
    case notAllowed(String)
    /// `aurelax.yaml` cannot be used; the report says where and why.
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
            "\(held); one spool has one daemon: stop that one, or give this one a spool of its own (--spool)"
        case .unsuitableFileSystem(let path, let kind):
            "\(path.escaped) is on \(kind), where locks and the job store cannot be trusted; "
                + "use a spool on a local disk (its inbox and outbox may be links)"
        case .damagedStore(let path, let why):
            "\(path.escaped) is damaged (\(why)); it was left as it is: restore it from a copy, or "
                + "rebuild it from the outbox (aurelax recover)"
        case .foreignStore(let path, let found, let known):
            "\(path.escaped) has schema \(found), this version knows \(known); use the version that wrote it"
        case .staleTransition(let job): "job \(job) was moved on by somebody else"
        case .stageHangs(let job, let limit):
            "job \(job) has computed one step for more than \(limit); the daemon ends, the next one begins the step "
                + "again, three times at most"
        case .noSuchJob(let name): "there is no job \(name)"
        case .notTakenIn(let name, .noDaemon):
            "\(name) waits in the inbox, and no daemon is running on this spool: `aurelax daemon` starts one"
        case .notTakenIn(let name, .notSeen):
            "\(name) waits in the inbox: the daemon takes it in within seconds"
        case .notTakenIn(let name, .because(let why)): "\(name) waits in the inbox: \(why)"
        case .noSpool(let path):
            "\(path.escaped) is not a spool: no .aurelax folder; start `aurelax daemon` there first"
        case .file(let error): error.description
        case .database(let path, let why, _): "\(path.escaped): \(why)"
        case .notAllowed(let why): why
        case .configuration(let report): report
        }
    }
}

/// Why a job's file is still in the inbox.
public enum InboxDelay: Sendable, Equatable {
    case noDaemon
    /// The daemon has not said anything of it yet.
    case notSeen
    /// In the daemon's words: `waiting for ring4.xyz`.
    case because(String)
}

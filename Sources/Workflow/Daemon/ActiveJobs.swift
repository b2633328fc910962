/// The jobs that need an action of the daemon; only those that have changed are read again from the store.
///
/// Jobs that wait for other jobs are set apart, so that hundreds of them cost nothing until a job changes.
struct ActiveJobs {
    /// In the order of their turns.
    private(set) var inTurn: [JobRecord] = []
    /// Number of the last entry of all jobs' histories; every change of a job's state adds an entry.
    private(set) var lastEvent = -1
    /// Number of jobs that wait for the result of a package.
    private(set) var waitingForResults = 0
    private var known: [Int64: JobRecord] = [:]
    private var blocked: Set<Int64> = []

    mutating func refresh(from store: Store) throws {
        let event = try store.lastEvent()
        if event != lastEvent { blocked = [] }
        lastEvent = event
        inTurn = try store.activeJobs(knowing: known)
        waitingForResults = inTurn.count { $0.machine.state == .waitingForDFT }
        known = Dictionary(uniqueKeysWithValues: inTurn.map { ($0.id, $0) })
    }

    /// Sets a job apart until the state of any job changes.
    mutating func block(_ id: Int64) { blocked.insert(id) }

    func isBlocked(_ id: Int64) -> Bool { blocked.contains(id) }
}

internal import DurableFiles
import Foundation
import Synchronization

/// A flag that tells work on another thread to end at its next step.
package final class StopFlag: Sendable {
    private let isSet = Atomic<Bool>(false)
    private let lastBeat = Mutex(SuspendingClock.now)

    package init() {}

    package func set() { isSet.store(true, ordering: .relaxed) }

    /// Notes that the work has reached another step.
    func beat() { lastBeat.withLock { $0 = .now } }

    private let allowance = Mutex(Duration.zero)

    /// Time that a step may take in addition to the daemon's limit, because an engine has its own time-out.
    var extraTime: Duration {
        get { allowance.withLock { $0 } }
        set { allowance.withLock { $0 = newValue } }
    }

    /// Time spent in the current step, not counting time in which the machine slept.
    var silence: Duration { lastBeat.withLock { $0.duration(to: .now) } }

    var isStopping: Bool { isSet.load(ordering: .relaxed) }
}

/// Runs blocking work on a separate thread, so that it does not block a thread of the concurrency
/// pool.
package func onOwnThread<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    let work = SyscallHook.carried(work)
    return try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Swift.Result(catching: work)) }
        thread.stackSize = 16 << 20
        thread.start()
    }
}

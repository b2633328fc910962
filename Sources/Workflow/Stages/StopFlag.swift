import Foundation
import Synchronization

/// Asks work on another thread to end at its next step.
final class StopFlag: Sendable {
    private let isSet = Atomic<Bool>(false)

    func set() { isSet.store(true, ordering: .relaxed) }
    var isStopping: Bool { isSet.load(ordering: .relaxed) }
}

/// Runs blocking work on a thread of its own, so that no thread of the concurrency pool waits for it.
func onOwnThread<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Swift.Result(catching: work)) }
        thread.stackSize = 16 << 20
        thread.start()
    }
}

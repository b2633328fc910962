import Dispatch
import Foundation

/// Number of threads that ``forEachChunk(of:minimum:_:)`` spreads work over: the processors that are online.
public let workerCount = max(1, ProcessInfo.processInfo.activeProcessorCount)

/// Splits 0..<count into contiguous chunks and runs them on all processors, returning when all are done.
///
/// The chunks do not depend on the number of processors beyond their size; each index is visited once.
/// The body must write only to places that belong to its own range.
///
/// - Parameters:
///   - count: number of independent items.
///   - minimum: smallest chunk that is worth a thread.
///   - body: called with each chunk, on any thread.
public func forEachChunk(
    of count: Int, minimum: Int = 1, _ body: @Sendable (Range<Int>) -> Void
) {
    guard count > 0 else { return }
    // Four chunks a thread even out items of unequal cost.
    let chunks = min(workerCount * 4, max(1, count / max(1, minimum)))
    guard chunks > 1, workerCount > 1 else { return body(0..<count) }
    DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
        body(count * chunk / chunks..<count * (chunk + 1) / chunks)
    }
}

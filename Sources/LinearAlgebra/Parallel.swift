import Dispatch
import Foundation

/// Number of threads used by ``forEachChunk(of:minimum:_:)``: the number of online processors.
public let workerCount = max(1, ProcessInfo.processInfo.activeProcessorCount)

/// Splits 0..<count into contiguous chunks and runs them on all processors, returning when all are done.
///
/// Only the size of the chunks depends on the number of processors; each index is visited once. The
/// body must write only to elements in its own range.
///
/// - Parameters:
///   - count: number of independent items.
///   - minimum: smallest size of a chunk.
///   - body: called with each chunk, on any thread.
public func forEachChunk(
    of count: Int, minimum: Int = 1, _ body: @Sendable (Range<Int>) -> Void
) {
    guard count > 0 else { return }
    // With four chunks per thread, all threads end at about the same time even if items differ in cost.
    let chunks = min(workerCount * 4, max(1, count / max(1, minimum)))
    guard chunks > 1, workerCount > 1 else { return body(0..<count) }
    DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
        body(count * chunk / chunks..<count * (chunk + 1) / chunks)
    }
}

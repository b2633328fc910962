#if canImport(Glibc)
    import CLinux
    import Glibc
#endif

/// Leaves the threads to us: OpenBLAS, where it is the BLAS, works on the calling thread only.
///
/// Its own threads wait for each other by spinning, so on a machine that has other work a small product can
/// take fifty times as long; and a call from several of our threads would queue for them. Whoever sets
/// OPENBLAS_NUM_THREADS keeps what they set. Read before the first call of any routine, so that results do
/// not depend on the order of calls.
///
/// Freed memory is kept, too: a force call allocates and frees some ten megabytes, and to get them from the
/// kernel each time takes a fifth of it.
let blasIsSerial: Bool = {
    #if canImport(Glibc)
        mallopt(M_MMAP_THRESHOLD, 1 << 26)
        mallopt(M_TRIM_THRESHOLD, 1 << 28)
        mallopt(M_TOP_PAD, 1 << 24)
    #endif
    guard getenv("OPENBLAS_NUM_THREADS") == nil, let symbol = dlsym(nil, "openblas_set_num_threads")
    else { return false }
    unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Void).self)(1)
    return true
}()

/// Runs a product M×N×K on all processors, in panels of rows or of columns of the result, whichever are
/// more; a small one at once on this thread.
///
/// - Parameter body: makes the panel of these rows and columns.
func forEachPanel(m: Int, n: Int, k: Int, _ body: @Sendable (Range<Int>, Range<Int>) -> Void) {
    _ = blasIsSerial
    let smallest = 1_000_000
    guard workerCount > 1, m * n * k > smallest else { return body(0..<m, 0..<n) }
    // One panel a thread, of whole multiples of 32 to fill the kernels of a BLAS: each panel packs the other
    // operand anew.
    let units = (max(m, n) + 31) / 32
    forEachChunk(of: units, minimum: (units + workerCount - 1) / workerCount) { range in
        if m >= n {
            body(32 * range.lowerBound..<min(m, 32 * range.upperBound), 0..<n)
        } else {
            body(0..<m, 32 * range.lowerBound..<min(n, 32 * range.upperBound))
        }
    }
}

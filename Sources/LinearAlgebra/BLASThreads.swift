#if canImport(Glibc)
    import CLinux
    import Glibc
#endif

/// Makes OpenBLAS, if it is the BLAS, run only on the calling thread, because this module creates the threads.
///
/// OpenBLAS's own threads wait for each other by spinning, so on a busy machine a small product can take fifty times as
/// long, and calls from several of our threads would wait for each other. A value of OPENBLAS_NUM_THREADS set by the
/// user is kept. This constant is read before the first call of any routine, so that results do not depend on the order
/// of calls.
///
/// The process also keeps freed memory, because a force call allocates and frees about ten megabytes, and it takes a
/// fifth of the time of the call to get them from the kernel each time.
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

/// Runs a product M×N×K on all processors, in panels of rows of the result, or of columns if there are more columns
/// than rows; a small product runs directly on the calling thread.
///
/// - Parameter body: computes the panel of these rows and columns.
func forEachPanel(m: Int, n: Int, k: Int, _ body: @Sendable (Range<Int>, Range<Int>) -> Void) {
    _ = blasIsSerial
    let smallest = 1_000_000
    guard workerCount > 1, m * n * k > smallest else { return body(0..<m, 0..<n) }
    // There is one panel per thread, because every panel makes its own packed copy of the operand that is not split.
    // Panels are multiples of 32 rows or columns, to fill the kernels of a BLAS.
    let units = (max(m, n) + 31) / 32
    forEachChunk(of: units, minimum: (units + workerCount - 1) / workerCount) { range in
        if m >= n {
            body(32 * range.lowerBound..<min(m, 32 * range.upperBound), 0..<n)
        } else {
            body(0..<m, 32 * range.lowerBound..<min(n, 32 * range.upperBound))
        }
    }
}

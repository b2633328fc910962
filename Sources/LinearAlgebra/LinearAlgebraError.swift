/// A property of the matrix that made a factorisation or a solver fail.
///
/// A wrong shape is a bug of the caller and traps; these errors come from the data.
public enum LinearAlgebraError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Cholesky found a pivot that is not positive at this 0-based index.
    case notPositiveDefinite(pivot: Int)
    /// A factor is exactly singular at this 0-based index.
    case singular(pivot: Int)
    /// The eigenvalue or singular value iteration did not converge.
    case noConvergence(routine: String)
    /// The input contains NaN or infinity.
    case notFinite(routine: String)

    public var description: String {
        switch self {
        case .notPositiveDefinite(let pivot):
            "the matrix is not positive definite (pivot \(pivot)); more regularisation is needed"
        case .singular(let pivot):
            "the matrix is singular (pivot \(pivot)); check for duplicate points"
        case .noConvergence(let routine): "\(routine) did not converge"
        case .notFinite(let routine): "\(routine) was given NaN or infinity"
        }
    }
}

/// Converts LAPACK's `info` to an error. A negative value is the number of an invalid argument, which is a bug of this
/// module.
func check(_ info: Int32, _ routine: String, onPositive error: (Int) -> LinearAlgebraError)
    throws(LinearAlgebraError)
{
    precondition(info >= 0, "\(routine): argument \(-info) is invalid")
    if info > 0 { throw error(Int(info)) }
}

/// Throws if a value is NaN or infinite, and sets up the BLAS; every factorisation calls this
/// first.
func requireFinite(_ values: [Double], _ routine: String) throws(LinearAlgebraError) {
    _ = blasIsSerial
    guard values.allSatisfy(\.isFinite) else { throw .notFinite(routine: routine) }
}

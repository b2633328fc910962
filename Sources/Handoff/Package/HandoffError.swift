/// Why a structure is not packaged.
public enum HandoffError: Error, Sendable, Equatable, CustomStringConvertible {
    case noAtoms
    case notFinite(atom: Int)
    case periodic
    case nothingMoves
    case wrongMask(count: Int, atoms: Int)
    case wrongHessian(count: Int, atoms: Int)
    case hessianNotFinite
    /// A job name with characters that have no place in a file name or a batch script.
    case unsafeName(String)

    public var description: String {
        switch self {
        case .noAtoms: "there are no atoms to hand off"
        case .notFinite(let atom): "atom \(atom) has a coordinate that is not a number"
        case .periodic: "periodic structures are not handed off; the calculation is one of a molecule in a box"
        case .nothingMoves: "no atom may move, so there is nothing to relax"
        case .wrongMask(let count, let atoms): "the move mask has \(count) entries for \(atoms) atoms"
        case .wrongHessian(let count, let atoms):
            "the Hessian has \(count) numbers, not (3·\(atoms))² = \(9 * atoms * atoms)"
        case .hessianNotFinite: "the Hessian holds a value that is not a number"
        case .unsafeName(let name):
            "the job name \(name.debugDescription) is not made of letters, digits, '-', '_' and '.' alone"
        }
    }
}

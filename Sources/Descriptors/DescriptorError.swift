public import Atomistics

/// The reason why a descriptor cannot be built, or cannot be computed for a structure.
public enum DescriptorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting out of its range: its name, its value, the allowed values.
    case invalidParameter(name: String, value: String, allowed: String)
    /// The overlap of the radial basis is not positive definite at this angular momentum.
    case illConditionedBasis(l: Int)
    /// Elements of the structure that the descriptor was not built for.
    case unknownElements([Element], known: [Element])
    /// Periodic, but the lattice vectors span no volume.
    case flatCell
    /// A coordinate of this 0-based atom or centre is NaN or infinite.
    case notFinite(index: Int)
    /// A centre that is not an atom of the structure.
    case noSuchAtom(Int, count: Int)

    public var description: String {
        switch self {
        case .invalidParameter(let name, let value, let allowed):
            "\(name) is \(value); it must be \(allowed)"
        case .illConditionedBasis(let l):
            "the radial basis is linearly dependent for l = \(l); lower n_max or raise r_cut"
        case .unknownElements(let elements, let known):
            "the descriptor was built for \(known.map(\.symbol).joined(separator: ", ")); the structure also has "
                + "\(elements.map(\.symbol).joined(separator: ", ")); add these to its species"
        case .flatCell: "the structure is periodic, but its lattice vectors span no volume"
        case .notFinite(let index): "coordinate \(index) is not a finite number"
        case .noSuchAtom(let index, let count):
            "atom \(index) was requested, but the structure has \(counted(count, "atom")) (indices start at 0)"
        }
    }
}

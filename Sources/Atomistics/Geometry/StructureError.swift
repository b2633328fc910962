/// The reason why a structure cannot be used in any computation.
public enum StructureError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The coordinate of this atom (0-based index) is not a finite number.
    case notFinite(atom: Int)
    /// The vectors of the periodic directions span no length, area or volume, or there is no cell.
    case singularCell
    /// The cutoff covers so many images that the pairs would not fit into memory.
    case tooManyImages(Int, limit: Int)
    /// More atoms are within the cutoff of each other than would fit into memory.
    case tooManyPairs(limit: Int)
    /// Two structures being compared differ in their number of atoms, or in an element.
    case differentAtoms(String)

    public var description: String {
        switch self {
        case .notFinite(let atom): "atom \(atom) has a coordinate that is not a finite number"
        case .singularCell: "the structure is periodic, but its lattice vectors span no volume"
        case .tooManyImages(let count, let limit):
            "the cutoff covers \(count) images of atoms (limit \(limit)); the cell is too thin for this cutoff"
        case .tooManyPairs(let limit):
            "more than \(limit) pairs of atoms are within the cutoff; the structure is too dense for this cutoff"
        case .differentAtoms(let difference): "the two structures do not hold the same atoms: \(difference)"
        }
    }
}

/// Returns a number with its noun: `1 frame`, `3 frames`.
package func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

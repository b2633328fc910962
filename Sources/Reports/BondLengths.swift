import Atomistics
import Foundation

/// Distances of bonded pairs of two elements, Å.
struct BondLengths {
    let lengths: [Double]

    /// - Parameter cutoff: the largest distance that counts as a bond, Å.
    init(_ a: Element, _ b: Element, in atoms: Atoms, cutoff: Double) throws {
        let neighbors = try NeighborList(atoms, cutoff: cutoff)
        var lengths: [Double] = []
        for i in 0..<atoms.count where atoms.elements[i] == a {
            for k in neighbors.range(of: i) where atoms.elements[neighbors.indices[k]] == b {
                if a == b, neighbors.indices[k] < i { continue }
                lengths.append(neighbors.squaredDistances[k].squareRoot())
            }
        }
        self.lengths = lengths
    }

    var cells: [String] {
        guard let low = lengths.min(), let high = lengths.max() else { return ["0", "–", "–", "–"] }
        let mean = lengths.reduce(0, +) / Double(lengths.count)
        return ["\(lengths.count)"] + [mean, low, high].map { String(format: "%.3f", $0) }
    }
}

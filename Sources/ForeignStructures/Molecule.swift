public import Atomistics
import OrderedCollections

extension Atoms {
    /// The reader that converted the structure from another format, and its version; nil if the structure was not
    /// converted.
    public var reader: String? {
        guard case .string(let reader)? = info["reader"] else { return nil }
        return reader
    }

    /// The file that the structure was converted from; nil if the structure was not converted.
    public var origin: String? {
        guard case .string(let origin)? = info["origin"] else { return nil }
        return origin
    }

    /// Returns the structure without its cell. It is meant for molecules that other programs keep in a box.
    ///
    /// - Throws: ``CutMolecule`` if bonds cross the box's boundary, because the molecule would fall apart.
    public func takenOutOfCell() throws -> Atoms {
        var molecule = self
        molecule.cell = nil
        molecule.periodicity = .none
        guard periodicity.isPeriodic, count > 1 else { return molecule }
        // Covalent radii of the elements in this structure are below 2.5 Å.
        let inBox = try NeighborList(self, cutoff: 3.4)
        var crossing = 0
        for i in 0..<count {
            for k in inBox.range(of: i) where inBox.indices[k] >= i {
                let j = inBox.indices[k]
                guard let a = elements[i].covalentRadius, let b = elements[j].covalentRadius,
                    inBox.squaredDistances[k].squareRoot() < 1.2 * (a + b)
                else { continue }
                let straight = positions[j] - positions[i]
                let difference = straight - inBox.displacements[k]
                if difference.dot(difference) > 1e-6 { crossing += 1 }
            }
        }
        guard crossing == 0 else { throw CutMolecule(bonds: crossing) }
        return molecule
    }
}

/// The error that bonds of a structure cross the boundary of its cell.
public struct CutMolecule: Error, Sendable, CustomStringConvertible {
    public var bonds: Int

    public var description: String {
        "\(bonds) \(bonds == 1 ? "bond crosses" : "bonds cross") the boundary of the cell: the structure "
            + "is a crystal, or a molecule in two parts; first move the whole molecule into the middle of its cell"
    }
}

import Atomistics
import Foundation

/// Every atom and every image that may be a neighbour of a centre, ordered by species.
struct Sites: Sendable {
    var positions: [SIMD3<Double>] = []
    /// Atom index of each site in the structure.
    var atoms: [Int] = []
    /// Index of the first site of each species, followed by the number of sites.
    var starts: [Int] = []
}

extension SOAP {
    /// Returns the atoms of a structure and their images as sites.
    ///
    /// - Throws: ``DescriptorError/unknownElements(_:known:)``, ``DescriptorError/notFinite(index:)``,
    ///   ``DescriptorError/flatCell``.
    func sites(of atoms: Atoms) throws(DescriptorError) -> Sites {
        let unknown = Set(atoms.elements.filter { index(of: $0) == nil })
        guard unknown.isEmpty else { throw .unknownElements(unknown.sorted(), known: species) }
        if let bad = atoms.positions.firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: bad) }
        let shifts = try imageShifts(of: atoms)
        var sites = Sites()
        for element in species {
            sites.starts.append(sites.atoms.count)
            for (atom, candidate) in atoms.elements.enumerated() where candidate == element {
                for shift in shifts {
                    sites.positions.append(atoms.positions[atom] + shift)
                    sites.atoms.append(atom)
                }
            }
        }
        sites.starts.append(sites.atoms.count)
        return sites
    }

    /// Returns the structure with all atoms wrapped into its cell, as ``imageShifts(of:)`` requires; returns it
    /// unchanged if images are not used or if a position is not finite.
    func placed(_ atoms: Atoms) throws(DescriptorError) -> Atoms {
        guard periodic, atoms.periodicity.isPeriodic, atoms.positions.allSatisfy(\.isFinite) else {
            return atoms
        }
        do {
            return try atoms.wrapped()
        } catch {
            throw .flatCell
        }
    }

    /// Returns the lattice translations whose images may be neighbours of an atom of the home cell: ⌈R/h⌉ cells to both
    /// sides along each periodic vector, where h is the height of the cell along it (DScribe's rule).
    private func imageShifts(of atoms: Atoms) throws(DescriptorError) -> [SIMD3<Double>] {
        guard periodic, atoms.periodicity.isPeriodic else { return [.zero] }
        guard let cell = atoms.cell, cell.volume != 0, cell.volume.isFinite else { throw .flatCell }
        func range(repeats: Bool, _ u: SIMD3<Double>, _ v: SIMD3<Double>) -> ClosedRange<Int> {
            guard repeats else { return 0...0 }
            let copies = Int((edge * u.cross(v).length / abs(cell.volume)).rounded(.up))
            return -copies...copies
        }
        var shifts: [SIMD3<Double>] = []
        for i in range(repeats: atoms.periodicity.a, cell.b, cell.c) {
            for j in range(repeats: atoms.periodicity.b, cell.c, cell.a) {
                for k in range(repeats: atoms.periodicity.c, cell.a, cell.b) {
                    shifts.append(Double(i) * cell.a + Double(j) * cell.b + Double(k) * cell.c)
                }
            }
        }
        return shifts
    }
}

extension Atoms {
    /// Carbon atoms that seem to lack hydrogen, as in structures from X-ray diffraction.
    ///
    /// A carbon atom counts if it has three neighbours and no bond as short as a double bond (1.42 Å), or fewer and
    /// none as short as a triple bond (1.30 Å). Neighbours are closer than 1.25 times the sum of the covalent radii.
    ///
    /// - Throws: ``StructureError``.
    public func carbonsWithoutHydrogen() throws(StructureError) -> [Int] {
        let carbons = elements.indices.filter { elements[$0] == .carbon }
        let largest = elements.compactMap(\.covalentRadius).max() ?? 0
        guard !carbons.isEmpty, let radius = Element.carbon.covalentRadius else { return [] }
        let neighbors = try NeighborList(self, cutoff: 1.25 * (radius + largest))
        return carbons.filter { i in
            var (count, shortest) = (0, Double.infinity)
            for slot in neighbors.range(of: i) {
                let other = elements[neighbors.indices[slot]]
                let distance = neighbors.squaredDistances[slot].squareRoot()
                guard distance < 1.25 * (radius + (other.covalentRadius ?? 1.5)) else { continue }
                count += 1
                if other != .hydrogen { shortest = min(shortest, distance) }
            }
            return count < 3 && shortest > 1.30 || count == 3 && shortest > 1.42
        }
    }
}

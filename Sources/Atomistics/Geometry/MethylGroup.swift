import Glibc

/// A methyl group on sulfur, idealised: tetrahedral angles.
struct MethylGroup {
    /// Å.
    var sulfurCarbon = 1.83
    /// Å.
    var carbonHydrogen = 1.10

    static let elements: [Element] = [.carbon, .hydrogen, .hydrogen, .hydrogen]

    /// Carbon, then its three hydrogens, 109.5° from sulfur, Å.
    ///
    /// - Parameters:
    ///   - sulfur: Å.
    ///   - u: from sulfur to carbon, of length 1.
    ///   - turn: the side of u on which the first hydrogen is; only its component perpendicular to
    ///     u matters.
    func positions(at sulfur: SIMD3<Double>, along u: SIMD3<Double>, turn: SIMD3<Double>) -> [SIMD3<Double>] {
        let carbon = sulfur + sulfurCarbon * u
        let across = turn - turn.dot(u) * u
        let first = across / across.length
        let second = u.cross(first)
        let tilt = 70.5 * Double.pi / 180
        return [carbon]
            + (0..<3).map { k in
                let angle = 2 * .pi * Double(k) / 3
                let side = cos(angle) * first + sin(angle) * second
                return carbon + carbonHydrogen * (cos(tilt) * u + sin(tilt) * side)
            }
    }
}

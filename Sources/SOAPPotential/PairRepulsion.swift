import Atomistics
import Foundation

/// A pair repulsion at distances shorter than any that occurs, so that atoms cannot fuse outside the training data:
///
///     V(r) = W t³ + k_e Z Z' φ(r/a)/r · s(r)   for r < r_on,   t = 1 − r/r_on
///
/// The first term is a wall (W = 1000 eV: 1 eV at t = 0.1). The second is the screened repulsion of nuclei with the
/// charges Z and Z', with φ(x) = Σ_i c_i exp(−d_i x) and a = 0.46850 Å/(Z^0.23 + Z'^0.23); s falls from 1 to 0 as a
/// cosine between 0.7 r_on and r_on. r_on is ``closest(_:_:)``, or less for elements that are closer in the training
/// data. Between r_on and the distances of the training data, the forces are the model's, with their expected errors.
///
/// - Source: Ziegler, Biersack, Littmark, The Stopping and Range of Ions in Matter (1985), for φ.
struct PairRepulsion: Codable, Sendable, Equatable {
    /// The distance r_on of each pair of elements, Å.
    var onsets: PairDistances
    /// The shortest distance of each pair of elements in the training data, Å, for ``isCloser(_:)``. Nil in models of
    /// earlier versions, whose ``onsets`` are 97 % of it.
    var shortest: PairDistances?

    private static let amplitudes = [0.18175, 0.50986, 0.28022, 0.02817]
    private static let decays = [3.19980, 0.94229, 0.40290, 0.20162]
    /// k_e = e²/(4πε₀), eV Å.
    private static let coulomb = 14.399645
    private static let inner = 0.7
    /// The height W of the wall, eV.
    private static let wall = 1000.0

    /// Returns a distance that no pair of these elements has at any relevant temperature, Å: three quarters of the
    /// sum of the covalent radii (the length of a triple bond of carbon is 0.79 times the sum, of a gold dimer 0.91
    /// times). For two hydrogens, whose bond is longer than the sum of their radii, it is 0.62 Å.
    static func closest(_ a: Element, _ b: Element) -> Double {
        a == .hydrogen && b == .hydrogen
            ? 0.62 : 0.75 * ((a.covalentRadius ?? 1.5) + (b.covalentRadius ?? 1.5))
    }

    /// - Parameter frames: training data. If a pair is closer there than ``closest(_:_:)``, its r_on is 97 % of that
    ///   distance, so that V is exactly zero for the training data.
    init(frames: [Atoms]) throws(StructureError) {
        let shortest = try PairDistances(shortestIn: frames)
        onsets = PairDistances()
        let elements = Set(frames.flatMap(\.elements)).sorted()
        for (index, a) in elements.enumerated() {
            for b in elements[index...] {
                let seen = shortest[a, b] ?? .infinity
                onsets[a, b] = min(Self.closest(a, b), PairDistances.trustedFraction * seen)
            }
        }
        self.shortest = shortest
    }

    /// Returns the energy, eV, and adds its gradient, eV/Å, to `gradient`.
    func evaluate(
        _ atoms: Atoms, addingTo gradient: inout [SIMD3<Double>]
    ) throws(StructureError) -> Double {
        var energy = 0.0
        try onsets.forEachCloserPair(in: atoms) { i, j, offset, r, onset in
            let (value, slope) = Self.pair(atoms.elements[i], atoms.elements[j], r, onset)
            energy += value
            let along = (slope / r) * offset
            gradient[i] += along
            gradient[j] -= along
        }
        return energy
    }

    /// Returns for each atom whether it is closer to another atom than in any training frame: below 97 % of the
    /// shortest distance of their elements there, or below 4 Å if no training frame has atoms of these elements that
    /// close.
    func isCloser(_ atoms: Atoms) throws(StructureError) -> [Bool] {
        var limits = onsets
        if let shortest {
            let elements = Set(atoms.elements).sorted()
            for (index, a) in elements.enumerated() {
                for b in elements[index...] {
                    limits[a, b] = PairDistances.trustedFraction * (shortest[a, b] ?? PairDistances.reach)
                }
            }
        }
        var closer = [Bool](repeating: false, count: atoms.count)
        try limits.forEachCloserPair(in: atoms) { i, j, _, _, _ in (closer[i], closer[j]) = (true, true) }
        return closer
    }

    private static func pair(_ a: Element, _ b: Element, _ r: Double, _ onset: Double)
        -> (value: Double, slope: Double)
    {
        let (z, w) = (Double(a.atomicNumber), Double(b.atomicNumber))
        let length = 0.46850 / (pow(z, 0.23) + pow(w, 0.23))
        var (phi, dPhi) = (0.0, 0.0)
        for (amplitude, decay) in zip(amplitudes, decays) {
            let term = amplitude * exp(-decay * r / length)
            phi += term
            dPhi -= decay / length * term
        }
        let bare = coulomb * z * w * phi / r
        let dBare = coulomb * z * w * (dPhi - phi / r) / r
        let t = (r - inner * onset) / (onset * (1 - inner))
        let depth = 1 - r / onset
        let wallValue = wall * depth * depth * depth
        let wallSlope = -3 * wall * depth * depth / onset
        guard t > 0 else { return (bare + wallValue, dBare + wallSlope) }
        let s = 0.5 * (1 + cos(.pi * t))
        let ds = -0.5 * .pi * sin(.pi * t) / (onset * (1 - inner))
        return (bare * s + wallValue, dBare * s + bare * ds + wallSlope)
    }
}

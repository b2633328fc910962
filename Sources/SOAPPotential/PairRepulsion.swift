import Atomistics
import Foundation

/// Pair repulsion that sets in where the training data ends, so that atoms cannot come closer, let alone
/// fuse, where nothing was learnt:
///
///     V(r) = W t³ + k_e Z Z' φ(r/a)/r · s(r)   for r < r_on,   t = 1 − r/r_on
///
/// The wall (W = 1000 eV: 1 eV at t = 0.1) closes the holes that a model may have just outside its data. The
/// second term is the screened repulsion of nuclei, φ(x) = Σ_i c_i exp(−d_i x) with
/// a = 0.46850 Å/(Z^0.23 + Z'^0.23), s falling from 1 to 0 as a cosine between 0.7 r_on and r_on. r_on is a
/// little less than the shortest distance of the two elements in the training data: inside the data V is
/// exactly zero.
///
/// - Source: Ziegler, Biersack, Littmark, The Stopping and Range of Ions in Matter (1985), for φ.
struct PairRepulsion: Codable, Sendable, Equatable {
    /// r_on, Å.
    var onsets: PairDistances

    private static let amplitudes = [0.18175, 0.50986, 0.28022, 0.02817]
    private static let decays = [3.19980, 0.94229, 0.40290, 0.20162]
    /// e²/(4πε₀), eV Å.
    private static let coulomb = 14.399645
    private static let inner = 0.7
    /// W, eV.
    private static let wall = 1000.0

    /// - Parameter frames: of which the shortest distance of each pair of elements is taken; a pair that is
    ///   nowhere closer than 4 Å gets 80 % of the sum of its covalent radii.
    init(frames: [Atoms]) {
        onsets = PairDistances(shortestIn: frames).scaled(by: PairDistances.trustedFraction)
        let elements = Set(frames.flatMap(\.elements)).sorted()
        for (index, a) in elements.enumerated() {
            for b in elements[index...] where onsets[a, b] == nil {
                onsets[a, b] = 0.8 * ((a.covalentRadius ?? 1.5) + (b.covalentRadius ?? 1.5))
            }
        }
    }

    /// Energy, eV, and whether each atom is closer to another than r_on; the gradient, eV/Å, is added to
    /// `gradient`.
    func evaluate(_ atoms: Atoms, addingTo gradient: inout [SIMD3<Double>])
        -> (energy: Double, touching: [Bool])
    {
        var touching = [Bool](repeating: false, count: atoms.count)
        var energy = 0.0
        onsets.forEachCloserPair(in: atoms) { i, j, offset, r, onset in
            let (value, slope) = Self.pair(atoms.elements[i], atoms.elements[j], r, onset)
            energy += value
            (touching[i], touching[j]) = (true, true)
            let along = (slope / r) * offset
            gradient[i] += along
            gradient[j] -= along
        }
        return (energy, touching)
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

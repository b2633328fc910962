public import Atomistics
import Foundation
public import LinearAlgebra

/// The SOAP power spectrum with DScribe's radial basis of orthonormalised Gaussians (`rbf="gto"`).
///
///     c^Z_nlm = ∫ b_nl(r) Y_lm(r̂) Σ_{i∈Z} w_i exp(−|r − r_i|²/2σ²) d³r
///     p^{ZZ'}_nn'l = π √(8/(2l + 1)) Σ_m c^Z_nlm c^{Z'}_n'lm
///
/// Here b_nl is the radial basis, Z and Z' are species, and w_i is the weight of atom i (``SOAPCutoff``). The sum
/// includes all atoms within ``edge`` of the centre, also the centre itself; ``edge`` is R = r_cut + σ√(−2 ln 0.001)
/// unless the cutoff sets another radius. Features are in DScribe's order: species pairs by atomic number, then l, then
/// n, then n'; for equal species only n ≤ n'. Lengths are in Å; p is dimensionless up to the normalisation of the
/// basis.
///
/// - Source: Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013); Himanen et al., Comput. Phys. Commun. 247, 106949
///   (2020). Agrees with DScribe 2.1.2 to 1e-10 of the norm of a power spectrum for n_max up to 7, and to 1e-8, the
///   precision of the radial basis itself, for n_max 10.
public struct SOAP: Sendable {
    /// The species, by atomic number, each once.
    public let species: [Element]
    public let rCut: Double
    public let nMax: Int
    public let lMax: Int
    public let sigma: Double
    public let periodic: Bool
    public let cutoff: SOAPCutoff
    /// Radius of the sphere around a centre that contains its neighbours, Å.
    public let edge: Double
    /// Length of a power spectrum: S n_max (S n_max + 1)/2 · (l_max + 1) for S species.
    public let featureCount: Int

    let harmonics: SolidHarmonics
    /// Number of blocks of four radial functions; the last block is padded with zeros.
    let blocks: Int
    /// A_lk = α_lk/(1 + 2σ²α_lk), where α_lk is `RadialBasis.alpha`; (l_max + 1)×blocks.
    let decay: [SIMD4<Double>]
    /// P_nk: the coefficient of exp(−A_lk r²) R_lm in √(π√(8/(2l+1))) c_nlm, where A_lk is `decay` and R_lm a solid
    /// harmonic. For each l and k the values of all n.
    let contraction: [SIMD4<Double>]
    /// The values of `contraction` transposed: for each l and n the values of all k.
    let expansion: [SIMD4<Double>]
    private let speciesIndex: [Int]

    /// - Parameters:
    ///   - species: elements that a structure may contain, in any order.
    ///   - rCut: radius at which the outermost basis function has decayed, Å; > 1.
    ///   - nMax: number of radial functions per l, 1...20.
    ///   - lMax: largest angular momentum, 0...20.
    ///   - sigma: width of the Gaussian at each atom, Å.
    ///   - periodic: whether images of a periodic structure are neighbours.
    ///   - cutoff: how the weight of neighbours decreases with distance.
    /// - Throws: ``DescriptorError``.
    public init(
        species: [Element], rCut: Double, nMax: Int, lMax: Int, sigma: Double, periodic: Bool = false,
        cutoff: SOAPCutoff = .hard
    ) throws(DescriptorError) {
        func require(
            _ condition: Bool, _ name: String, _ value: some CustomStringConvertible, _ allowed: String
        ) throws(DescriptorError) {
            guard condition else {
                throw .invalidParameter(name: name, value: value.description, allowed: allowed)
            }
        }
        try require(!species.isEmpty, "species", "empty", "at least one element")
        try require(rCut > 1 && rCut.isFinite, "r_cut", rCut, "larger than 1 Å")
        try require((1...20).contains(nMax), "n_max", nMax, "from 1 to 20")
        try require((0...20).contains(lMax), "l_max", lMax, "from 0 to 20")
        try require(sigma > 0 && sigma.isFinite, "sigma", sigma, "larger than 0 Å")
        var edge = rCut + sigma * (-2 * log(0.001)).squareRoot()
        if case .smooth(let width, let radius) = cutoff {
            edge = radius ?? edge
            try require(edge > 0 && edge.isFinite, "cutoff radius", edge, "larger than 0 Å")
            try require(
                width > 0 && width <= edge, "cutoff width", width, "larger than 0 and at most \(edge) Å")
        }
        let elements = Set(species).sorted()
        self.species = elements
        (self.rCut, self.nMax, self.lMax, self.sigma) = (rCut, nMax, lMax, sigma)
        (self.periodic, self.cutoff, self.edge) = (periodic, cutoff, edge)
        let width = elements.count * nMax
        featureCount = width * (width + 1) / 2 * (lMax + 1)
        harmonics = SolidHarmonics(lMax: lMax)
        var speciesIndex = [Int](repeating: -1, count: 119)
        for (index, element) in elements.enumerated() { speciesIndex[element.atomicNumber] = index }
        self.speciesIndex = speciesIndex

        let basis = try RadialBasis(rCut: rCut, nMax: nMax, lMax: lMax)
        blocks = (nMax + 3) / 4
        let eta = 1 / (2 * sigma * sigma)
        var decay = [SIMD4<Double>](repeating: .zero, count: (lMax + 1) * blocks)
        var contraction = [SIMD4<Double>](repeating: .zero, count: (lMax + 1) * nMax * blocks)
        var expansion = contraction
        for l in 0...lMax {
            let prefactor =
                pow(.pi / eta, 1.5) * (Double.pi * (8 / Double(2 * l + 1)).squareRoot()).squareRoot()
            for k in 0..<nMax {
                let alpha = basis.alpha[l, k]
                decay[l * blocks + k / 4][k % 4] = alpha / (1 + alpha / eta)
                let weight = prefactor * pow(1 + alpha / eta, -(Double(l) + 1.5))
                for n in 0..<nMax {
                    let value = weight * basis.beta[l][n, k]
                    contraction[(l * nMax + k) * blocks + n / 4][n % 4] = value
                    expansion[(l * nMax + n) * blocks + k / 4][k % 4] = value
                }
            }
        }
        (self.decay, self.contraction, self.expansion) = (decay, contraction, expansion)
    }

    /// Computes the power spectra around atoms of the structure.
    ///
    /// - Parameters:
    ///   - atoms: a structure of the elements ``species``.
    ///   - centers: 0-based atom indices; all atoms by default.
    /// - Returns: one row per centre, ``featureCount`` columns.
    /// - Throws: ``DescriptorError``.
    /// - Complexity: O(neighbours · n_max · l_max²) + O(featureCount · l_max) per centre, on all
    ///   processors.
    public func compute(_ atoms: Atoms, centers: [Int]? = nil) throws(DescriptorError) -> Matrix {
        guard let centers else { return try compute(atoms, centers: Array(0..<atoms.count)) }
        if let wrong = centers.first(where: { !atoms.positions.indices.contains($0) }) {
            throw .noSuchAtom(wrong, count: atoms.count)
        }
        let atoms = try placed(atoms)
        return try compute(atoms, points: centers.map { atoms.positions[$0] })
    }

    /// Computes the power spectra around any points, Å; an atom exactly at a point belongs to its
    /// environment.
    public func compute(_ atoms: Atoms, points: [SIMD3<Double>]) throws(DescriptorError) -> Matrix {
        let sites = try sites(of: atoms)
        if let bad = points.firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: bad) }
        var result = Matrix(rows: points.count, columns: featureCount)
        result.storage.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            nonisolated(unsafe) let output = base
            forEachChunk(of: points.count, minimum: 4) { range in
                let expansion = Expansion(self, gradients: false)
                for center in range {
                    expansion.gather(around: points[center], in: sites)
                    expansion.tabulate()
                    expansion.expand()
                    expansion.powerSpectrum()
                    (output + center * featureCount)
                        .update(from: expansion.features, count: featureCount)
                }
            }
        }
        return result
    }

    /// Returns the index of an element in ``species``, or nil if it is not one of them.
    func index(of element: Element) -> Int? {
        let index = speciesIndex[element.atomicNumber]
        return index < 0 ? nil : index
    }
}

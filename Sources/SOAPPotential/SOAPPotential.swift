public import Atomistics
import Descriptors
import LinearAlgebra
import Synchronization

/// A conservative force field: a sparse Gaussian process of atomic energies on the SOAP kernel.
///
///     E = Σ_i (e_Z + Σ_m c_m (p̂_i·p̂_m)^ζ) + Σ_{i<j} V_rep(r_ij),   F = −∂E/∂r exactly
///
/// The sum over m includes the inducing environments of the same element Z as atom i. e_Z is a constant of the element,
/// c_m a coefficient, ζ ``SOAPPotentialSettings/power`` and V_rep a repulsion at very short distances. p̂ is the
/// normalised SOAP power spectrum with a smooth cutoff, so that energy and forces are continuous. Units are Å, eV,
/// eV/Å.
///
/// - Source: Bartók, Payne, Kondor, Csányi, Phys. Rev. Lett. 104, 136403 (2010); Bartók, Csányi, Int. J.
///   Quantum Chem. 115, 1051 (2015).
public struct SOAPPotential: Sendable {
    public internal(set) var provenance: ForceFieldProvenance
    public let settings: SOAPPotentialSettings
    /// The chosen prior standard deviation of an atom's energy, eV.
    public let prior: Double
    let parts: [Part]
    let repulsion: PairRepulsion
    public internal(set) var calibration: Calibration
    /// The source of the training frames, as text for users.
    public internal(set) var data: [String: String] = [:]

    /// The part of the potential for one element.
    struct Part: Sendable {
        let kernel: ElementKernel
        /// The constant e_Z of the element, eV.
        let constant: Double
        /// The coefficients c_m of the inducing environments, eV.
        let coefficients: [Double]
        /// The matrix S: ‖(k − k̄) S‖² is the second part of the variance of an atom's energy, eV², where k are its
        /// kernel values and k̄ is `ElementKernel.mean`; see `RestrictedPart.doubts`.
        let spread: Matrix
    }

    /// One element's part for structures of certain elements.
    struct RestrictedPart: Sendable {
        let kernel: RestrictedKernel
        let constant: Double
        let coefficients: [Double]
        let spread: Matrix
    }

    /// Cached restrictions of the potential, by the elements of the structure.
    private let restrictions = Restrictions()

    private final class Restrictions: Sendable {
        let known = Mutex<[[Element]: [RestrictedPart]]>([:])
        /// Largest number of cached sets of elements.
        static let limit = 8
    }

    /// Returns the parts for the elements of a structure; each set of elements is prepared once.
    private func restricted(to species: [Element]) throws -> [RestrictedPart] {
        if let known = restrictions.known.withLock({ $0[species] }) { return known }
        let made = try parts.filter { species.contains($0.kernel.element) }.map {
            RestrictedPart(
                kernel: try $0.kernel.restricted(to: species), constant: $0.constant,
                coefficients: $0.coefficients, spread: $0.spread)
        }
        restrictions.known.withLock {
            if $0.count >= Restrictions.limit { $0.removeAll() }
            $0[species] = made
        }
        return made
    }

    public var elements: [Element] { parts.map(\.kernel.element) }

    /// Number of inducing environments of each of the ``elements``.
    public var inducingCounts: [Int] { parts.map(\.kernel.count) }

    /// The result of one pass over a structure.
    struct Evaluation {
        var energy = 0.0
        var gradient: [SIMD3<Double>]
        /// Posterior variance of each atom's energy, eV²; empty unless requested.
        var variances: [Double]
        /// The part of each atom's environment that no inducing environment describes, from 0 to 1: √(1 − ‖φ‖²), where
        /// φ are the whitened kernel values. Empty unless variances are requested.
        var novelties: [Double]

        func doubt(_ atom: Int) -> Calibration.Doubt {
            Calibration.Doubt(deviation: variances[atom].squareRoot(), novelty: novelties[atom])
        }
    }

    func evaluate(_ atoms: Atoms, variances wantsVariances: Bool) throws -> Evaluation {
        try check(atoms)
        return try evaluate(
            atoms, centers: nil, species: Set(atoms.elements).sorted(), variances: wantsVariances)
    }

    /// Computes the energies of some atoms, all by default, and the pair repulsion, without ``check(_:)``.
    ///
    /// - Parameter species: elements whose features are used; they must include the elements of the structure.
    func evaluate(
        _ atoms: Atoms, centers: [Int]?, species: [Element], variances wantsVariances: Bool
    ) throws -> Evaluation {
        var result = Evaluation(
            gradient: [SIMD3<Double>](repeating: .zero, count: atoms.count),
            variances: [Double](repeating: 0, count: wantsVariances ? atoms.count : 0),
            novelties: [Double](repeating: 0, count: wantsVariances ? atoms.count : 0))
        result.energy = try repulsion.evaluate(atoms, addingTo: &result.gradient)
        for group in Self.groups(try restricted(to: species)) {
            try evaluate(atoms, group, centers, wantsVariances, adding: &result)
        }
        return result
    }

    /// Groups the parts by descriptor, because elements with the same descriptor share its computation.
    private static func groups(_ parts: [RestrictedPart]) -> [[RestrictedPart]] {
        var groups: [[RestrictedPart]] = []
        for part in parts {
            if let index = groups.firstIndex(where: { $0[0].kernel.space.id == part.kernel.space.id }) {
                groups[index].append(part)
            } else {
                groups.append([part])
            }
        }
        return groups
    }

    private func evaluate(
        _ atoms: Atoms, _ group: [RestrictedPart], _ centers: [Int]?, _ wantsVariances: Bool,
        adding result: inout Evaluation
    ) throws {
        let space = group[0].kernel.space
        let members = group.map { part in
            (centers ?? Array(atoms.elements.indices)).filter { atoms.elements[$0] == part.kernel.element }
        }
        let environments = try SOAPEnvironments(space.soap, atoms, centers: members.flatMap { $0 })
        let (rows, lengths) = space.normalise(environments.features)
        var weights = Matrix(rows: rows.rows, columns: rows.columns)
        var first = 0
        for (part, atoms) in zip(group, members) where !atoms.isEmpty {
            let kernel = similarities(rows, first, atoms.count, part.kernel)
            if wantsVariances {
                let doubts = part.doubts(kernel, prior: prior)
                for (atom, doubt) in zip(atoms, doubts) {
                    (result.variances[atom], result.novelties[atom]) = (doubt.variance, doubt.novelty)
                }
            }
            result.energy += Double(atoms.count) * part.constant
            result.energy += part.slopes(kernel, into: &weights, first)
            first += atoms.count
        }
        space.pullBack(&weights, rows: rows, lengths: lengths)
        for (atom, gradient) in environments.gradient(weights).enumerated() {
            result.gradient[atom] += gradient
        }
    }

    /// Returns the products p̂_i·p̂_m of `count` rows, from `first` on, with all inducing environments.
    private func similarities(_ rows: Matrix, _ first: Int, _ count: Int, _ kernel: RestrictedKernel)
        -> Matrix
    {
        var result = Matrix(rows: count, columns: kernel.count)
        rows.storage.withUnsafeBufferPointer { rowsBuffer in
            kernel.inducing.storage.withUnsafeBufferPointer { inducing in
                result.storage.withUnsafeMutableBufferPointer { output in
                    multiply(
                        m: count, n: kernel.count, k: rows.columns,
                        rowsBuffer.baseAddress.map { $0 + first * rows.columns }, inducing.baseAddress,
                        transposeB: true, into: output.baseAddress)
                }
            }
        }
        return result
    }

    func check(_ atoms: Atoms) throws {
        let unknown = Set(atoms.elements).subtracting(elements)
        guard unknown.isEmpty else {
            throw ForceFieldError.unknownElements(unknown.sorted(), known: elements)
        }
        if let atom = atoms.positions.firstIndex(where: { !$0.squaredLength.isFinite }) {
            throw ForceFieldError.notFinite(atom: atom)
        }
        let coincident = try NeighborList(atoms, cutoff: 1e-6)
        for i in 0..<atoms.count {
            if let j = coincident.indices[coincident.range(of: i)].min() {
                throw ForceFieldError.coincidentAtoms(min(i, j), max(i, j))
            }
        }
    }
}

extension SOAPPotential.RestrictedPart {
    /// With the similarities t_m = p̂·p̂_m of each row, writes Σ_m c_m ζ t_m^(ζ−1) p̂_m of each row to `weights` from
    /// row `first` on, and returns the sum of c_m t_m^ζ over all rows and m.
    func slopes(_ similarity: Matrix, into weights: inout Matrix, _ first: Int) -> Double {
        var factors = similarity
        var energies = [Double](repeating: 0, count: similarity.rows)
        let (count, power) = (kernel.count, kernel.power)
        factors.storage.withUnsafeMutableBufferPointer { factors in
            energies.withUnsafeMutableBufferPointer { energies in
                coefficients.withUnsafeBufferPointer { c in
                    nonisolated(unsafe) let (factors, energies, c) = (factors, energies, c)
                    forEachChunk(of: similarity.rows, minimum: 8) { range in
                        for row in range {
                            var energy = 0.0
                            for m in 0..<count {
                                let t = factors[row * count + m]
                                let slope = c[m] * raise(t, power - 1)
                                energy += slope * t
                                factors[row * count + m] = Double(power) * slope
                            }
                            energies[row] = energy
                        }
                    }
                }
            }
        }
        let columns = weights.columns
        factors.storage.withUnsafeBufferPointer { factors in
            kernel.inducing.storage.withUnsafeBufferPointer { inducing in
                weights.storage.withUnsafeMutableBufferPointer { output in
                    multiply(
                        m: similarity.rows, n: columns, k: count, factors.baseAddress,
                        inducing.baseAddress, into: output.baseAddress.map { $0 + first * columns })
                }
            }
        }
        return energies.reduce(0, +)
    }

    /// Returns the variance of each atom's energy, relative to the mean of the inducing environments, and the novelty
    /// of its environment. With the prior δ, the atom's kernel values k, their mean k̄ over the inducing environments
    /// and the matrix S (`spread`), they are
    ///
    ///     δ² (1 − ‖φ‖²) + ‖(k − k̄) S‖²,   √(1 − ‖φ‖²),   φ = L⁻¹ k
    func doubts(_ similarity: Matrix, prior: Double) -> [(variance: Double, novelty: Double)] {
        var (values, centred) = (similarity, similarity)
        let (count, power) = (kernel.count, kernel.power)
        values.storage.withUnsafeMutableBufferPointer { values in
            centred.storage.withUnsafeMutableBufferPointer { centred in
                kernel.mean.withUnsafeBufferPointer { mean in
                    nonisolated(unsafe) let (values, centred, mean) = (values, centred, mean)
                    forEachChunk(of: similarity.rows, minimum: 8) { range in
                        for i in range {
                            for m in 0..<count {
                                let value = raise(values[i * count + m], power)
                                values[i * count + m] = value
                                centred[i * count + m] = value - mean[m]
                            }
                        }
                    }
                }
            }
        }
        let white = product(values, kernel.whitening)
        let left = product(centred, spread)
        return (0..<values.rows).map { i in
            let outside = max(0, 1 - white.row(i).reduce(0) { $0 + $1 * $1 })
            return (
                prior * prior * outside + left.row(i).reduce(0) { $0 + $1 * $1 }, outside.squareRoot()
            )
        }
    }
}

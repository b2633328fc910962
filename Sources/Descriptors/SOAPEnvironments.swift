public import Atomistics
public import LinearAlgebra

/// The environments of atoms of one structure: power spectra, and the data needed to differentiate functions of the
/// power spectra with respect to the positions.
public struct SOAPEnvironments: Sendable {
    public let soap: SOAP
    /// Atom index of each centre.
    public let centers: [Int]
    /// Power spectra, centres × features.
    public let features: Matrix
    /// Expansion coefficients c, scaled so that p = Σ_m c c. One row per centre; the columns are ordered by lm, species
    /// and n, with n padded to a multiple of four.
    let coefficients: Matrix
    let sites: Sites
    let positions: [SIMD3<Double>]

    /// - Parameters:
    ///   - soap: the descriptor.
    ///   - atoms: a structure of the descriptor's elements.
    ///   - centers: 0-based atom indices; all atoms by default.
    /// - Throws: ``DescriptorError``.
    public init(_ soap: SOAP, _ atoms: Atoms, centers: [Int]? = nil) throws(DescriptorError) {
        let centers = centers ?? Array(0..<atoms.count)
        if let wrong = centers.first(where: { !atoms.positions.indices.contains($0) }) {
            throw .noSuchAtom(wrong, count: atoms.count)
        }
        let atoms = try soap.placed(atoms)
        let sites = try soap.sites(of: atoms)
        let size = soap.coefficientCount
        var features = Matrix(rows: centers.count, columns: soap.featureCount)
        var coefficients = Matrix(rows: centers.count, columns: size)
        features.storage.withUnsafeMutableBufferPointer { featureBuffer in
            coefficients.storage.withUnsafeMutableBufferPointer { coefficientBuffer in
                guard let pBase = featureBuffer.baseAddress, let cBase = coefficientBuffer.baseAddress
                else { return }
                nonisolated(unsafe) let (p, c) = (pBase, cBase)
                forEachChunk(of: centers.count, minimum: 4) { range in
                    let expansion = Expansion(soap, gradients: false)
                    for center in range {
                        expansion.gather(around: atoms.positions[centers[center]], in: sites)
                        expansion.tabulate()
                        expansion.expand()
                        expansion.powerSpectrum()
                        (p + center * soap.featureCount)
                            .update(from: expansion.features, count: soap.featureCount)
                        (c + center * size).update(from: expansion.coefficients, count: size)
                    }
                }
            }
        }
        self.soap = soap
        self.centers = centers
        self.features = features
        self.coefficients = coefficients
        self.sites = sites
        positions = atoms.positions
    }

    /// Returns the gradient, with respect to all positions, of a function E of the power spectra. The centres move with
    /// their atoms. The gradient of atom j,
    ///
    ///     g_j = Σ_i Σ_f W_if ∂p_if/∂r_j
    ///
    /// is computed by reverse accumulation. The cost is a few times the cost of the power spectra, and independent of
    /// the number of features.
    ///
    /// - Parameter weights: W = ∂E/∂p, centres × features.
    /// - Returns: one vector per atom, in the unit of W per Å.
    public func gradient(_ weights: Matrix) -> [SIMD3<Double>] { derivatives(weights).positions }

    /// Returns the gradient and the derivative with respect to a homogeneous strain r → (1 + ε) r
    /// of atoms and cell:
    ///
    ///     ∂E/∂ε_ab = Σ_i Σ_j g_ij,a r_ij,b
    ///
    /// where g_ij is ∂E/∂r of neighbour j of centre i and r_ij the vector from i to j, summed over every neighbour of
    /// every centre, images included. With respect to the rows h_k of the cell at fixed fractional coordinates,
    /// ∂E/∂h_ka = Σ_b ∂E/∂ε_ab (h⁻¹)_bk; the stress is ∂E/∂ε divided by the volume.
    ///
    /// - Returns: `positions`, one vector per atom, in the unit of W per Å; `strain`, row a with
    ///   its components b, in the unit of W. The strain is symmetric because p is invariant under
    ///   rotation.
    public func derivatives(_ weights: Matrix) -> (positions: [SIMD3<Double>], strain: [SIMD3<Double>]) {
        precondition(
            weights.rows == centers.count && weights.columns == soap.featureCount,
            "one weight per centre and feature")
        let chunks = min(centers.count, 2 * workerCount)
        // Each chunk has its own copy of the atoms' gradients, followed by the three rows of the
        // strain.
        let size = positions.count + 3
        var partial = [SIMD3<Double>](repeating: .zero, count: chunks * size)
        partial.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let partial = buffer
            weights.storage.withUnsafeBufferPointer { weightBuffer in
                coefficients.storage.withUnsafeBufferPointer { coefficientBuffer in
                    nonisolated(unsafe) let (weights, coefficients) = (weightBuffer, coefficientBuffer)
                    forEachChunk(of: chunks) { range in
                        for chunk in range {
                            accumulate(
                                centers.count * chunk / chunks..<centers.count * (chunk + 1) / chunks,
                                weights, coefficients,
                                into: partial.baseAddress.unsafelyUnwrapped + chunk * size)
                        }
                    }
                }
            }
        }
        var total = [SIMD3<Double>](repeating: .zero, count: size)
        for chunk in 0..<chunks {
            for row in 0..<size { total[row] += partial[chunk * size + row] }
        }
        return (Array(total.dropLast(3)), Array(total.suffix(3)))
    }

    private func accumulate(
        _ range: Range<Int>, _ weights: UnsafeBufferPointer<Double>,
        _ coefficients: UnsafeBufferPointer<Double>, into gradient: UnsafeMutablePointer<SIMD3<Double>>
    ) {
        guard let p = weights.baseAddress, let c = coefficients.baseAddress else { return }
        let expansion = Expansion(soap, gradients: true)
        let adjoint = Adjoint(expansion)
        var strain = (SIMD3<Double>.zero, SIMD3<Double>.zero, SIMD3<Double>.zero)
        for center in range {
            expansion.gather(around: positions[centers[center]], in: sites)
            expansion.tabulate()
            adjoint.start(
                featureGradient: p + center * soap.featureCount,
                coefficients: c + center * soap.coefficientCount)
            adjoint.addGradient(center: centers[center], into: gradient, strain: &strain)
        }
        let rows = gradient + positions.count
        (rows[0], rows[1], rows[2]) = strain
    }
}

extension SOAP {
    /// The number of angular functions, (l_max + 1)².
    public var angularCount: Int { harmonics.count }

    /// The number of coefficients of one centre, padding included.
    var coefficientCount: Int { harmonics.count * species.count * 4 * blocks }
}

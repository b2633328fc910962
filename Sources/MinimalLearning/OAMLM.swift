public import LinearAlgebra

/// The part of the orientation-adaptive minimal learning machine without geometry: projections onto
/// reference directions, and the misfits of alignments, as linear functions of distances.
///
///     d_c(x) = d(x)ᵀ B_c,   B_c = D⁻¹ D_c,   D_c[i, j] = y_i · R_ij t_j
///     d_g(x) = d(x)ᵀ B_g,   B_g = D⁻¹ D_g,   D_g[i, j] = g_ij
///
/// y_i and t_j are the unit vectors learnt at references i and j, R_ij is the rotation that aligns reference j with
/// reference i, and g_ij is the misfit of this alignment.
///
/// - Source: section II.B of the paper; Pihlajamäki et al., ESANN 2021, 529.
public struct OAMLM: Sendable {
    /// B_c, K×K.
    public let projections: Matrix
    /// B_g, K×K. Nil if misfits of alignments are not predicted.
    public let misfits: Matrix?

    public init(projections: Matrix, misfits: Matrix? = nil) {
        self.projections = projections
        self.misfits = misfits
    }

    /// - Parameters:
    ///   - factor: the factorised K×K distances between the references.
    ///   - projections: D_c, K×K.
    ///   - misfits: D_g, K×K. Nil if misfits of alignments are not to be predicted.
    /// - Complexity: 2K³ floating-point operations per matrix.
    public static func fit(
        _ factor: DistanceFactorisation, projections: Matrix, misfits: Matrix? = nil
    ) -> OAMLM {
        OAMLM(projections: factor.solve(projections), misfits: misfits.map(factor.solve))
    }

    /// Returns the predicted projections d_c, N×K, for every row of distances.
    ///
    /// - Parameter d: N×K.
    public func predictProjections(distances d: Matrix) -> Matrix { product(d, projections) }
}

/// Indicators of the reliability of a predicted direction.
public struct DirectionUncertainty: Sendable, Equatable {
    /// u₁ = Σw: the number of references that align well.
    public let support: Double
    /// u₂ = |b|/Σw: the agreement of these references, 0…1.
    public let coherence: Double
    /// u₃ = J₂(v)/Σw: the misfit of the projections that remains for the direction v.
    public let residual: Double
    /// u₄ = min_j d_j: distance to the nearest reference.
    public let nearest: Double
    /// u₅ = mean_j |d(x)ᵀB_g − g_j|: difference between the misfits and their predictions. Nil if ``OAMLM/misfits`` is
    /// nil.
    public let alignmentSurprise: Double?
    /// u₆ = Σ_j exp(−(d(x)ᵀB_g)_j²/σ₂²): the predicted number of references that align well. Nil if ``OAMLM/misfits``
    /// is nil.
    public let predictedSupport: Double?

    /// - Parameters:
    ///   - problem: the projections from which the direction was computed.
    ///   - v: the direction.
    ///   - nearest: distance to the nearest reference.
    ///   - g: the misfits g_j of the alignments with the references, Å.
    ///   - predictedMisfits: d(x)ᵀB_g. Nil if ``OAMLM/misfits`` is nil.
    ///   - sigma2: the width σ₂ of the alignment weights, Å.
    public init(
        _ problem: DirectionProblem, direction v: SIMD3<Double>, nearest: Double, misfits g: [Double],
        predictedMisfits: [Double]?, sigma2: Double
    ) {
        support = problem.support
        let total = max(problem.support, .leastNormalMagnitude)
        coherence = dot(problem.b, problem.b).squareRoot() / total
        residual = problem.analyticLoss(v) / total
        self.nearest = nearest
        if let predicted = predictedMisfits {
            let aligned = g.indices.filter { g[$0].isFinite }
            alignmentSurprise =
                aligned.reduce(0) { $0 + abs(predicted[$1] - g[$1]) } / Double(max(1, aligned.count))
            predictedSupport = alignmentWeights(predicted, sigma2: sigma2).reduce(0, +)
        } else {
            (alignmentSurprise, predictedSupport) = (nil, nil)
        }
    }
}

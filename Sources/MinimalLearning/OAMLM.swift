public import LinearAlgebra

/// The part of the orientation-adaptive minimal learning machine without geometry: projections onto
/// reference directions, and the misfits of alignments, as linear functions of distances.
///
///     d_c(x) = d(x)ᵀ B_c,   B_c = D⁻¹ D_c,   D_c[i, j] = y_i · R_ij t_j
///     d_g(x) = d(x)ᵀ B_g,   B_g = D⁻¹ D_g,   D_g[i, j] = g_ij
///
/// - Source: section II.B of the paper; Pihlajamäki et al., ESANN 2021, 529.
public struct OAMLM: Sendable {
    /// K×K: B_c.
    public let projections: Matrix
    /// K×K: B_g; nil if misfits of alignments are not predicted.
    public let misfits: Matrix?

    public init(projections: Matrix, misfits: Matrix? = nil) {
        self.projections = projections
        self.misfits = misfits
    }

    /// - Parameters:
    ///   - factor: the factorised K×K distances between the references.
    ///   - projections: D_c, K×K.
    ///   - misfits: D_g, K×K, or nil.
    /// - Complexity: 2K³ floating-point operations per matrix.
    public static func fit(
        _ factor: DistanceFactorisation, projections: Matrix, misfits: Matrix? = nil
    ) -> OAMLM {
        OAMLM(projections: factor.solve(projections), misfits: misfits.map(factor.solve))
    }

    /// Returns d_c, N×K, for every row of distances.
    ///
    /// - Parameter d: N×K.
    public func predictProjections(distances d: Matrix) -> Matrix { product(d, projections) }
}

/// Indicators of the reliability of a predicted direction.
public struct DirectionUncertainty: Sendable, Equatable {
    /// u₁ = Σw: the number of references that align well.
    public let support: Double
    /// u₂ = |b|/Σw: their agreement, 0…1.
    public let coherence: Double
    /// u₃ = J₂(v)/Σw: the remaining misfit.
    public let residual: Double
    /// u₄ = min_j d_j: distance to the nearest reference.
    public let nearest: Double
    /// u₅ = mean_j |d(x)ᵀB_g − g_j|: difference between the misfits and their predictions; nil
    /// without B_g.
    public let alignmentSurprise: Double?
    /// u₆ = Σ_j exp(−(d(x)ᵀB_g)_j²/σ₂²): the predicted number of references that align well; nil
    /// without B_g.
    public let predictedSupport: Double?

    /// - Parameters:
    ///   - problem: the projections from which the direction was computed.
    ///   - v: the direction.
    ///   - nearest: distance to the nearest reference.
    ///   - g: misfits g_j.
    ///   - predictedMisfits: d(x)ᵀB_g.
    ///   - sigma2: σ₂, Å.
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

import LinearAlgebra
import MinimalLearning
import Testing

/// Triangles of points about a centre with a vector each; the vectors do not follow any rule.
@Suite struct VectorKernelTests {
    static let count = 9
    static let permutations = [[0, 1, 2], [0, 2, 1]]

    let sets: [PointSet]
    let vectors: [SIMD3<Double>]
    let pairs: AlignedPairs

    init() {
        var random = SplitMix(seed: 5)
        let sets = (0..<Self.count).map { _ in
            PointSet((0..<3).map { _ in random.vector(in: -1.5...1.5) })
        }
        self.sets = sets
        vectors = (0..<Self.count).map { _ in random.vector(in: -1...1) }
        let alignment = PermutationAlignment(
            references: sets, permutations: Self.permutations, group: .o3)
        pairs = AlignedPairs(distances: distances(among: Self.descriptors(sets))) { i, result in
            alignment.align(sets[i], into: &result)
        }
    }

    /// Sorted sides: what neither a turn nor a swap of the last two points changes.
    static func descriptors(_ sets: [PointSet]) -> Matrix {
        Matrix(
            sets.map { set in
                let p = set.points
                func length(_ v: SIMD3<Double>) -> Double { (v * v).sum().squareRoot() }
                return [length(p[0])] + [length(p[1]), length(p[2])].sorted() + [length(p[1] - p[2])]
            })
    }

    static func kernel(_ shape: RadialKernel, noise: Double) -> VectorKernel {
        VectorKernel(shape: shape, length: 0.7, sigma2: 0.4, noise: noise)
    }

    /// F at reference i, by the definition of the fit.
    func predict(_ fit: VectorKernelFit, _ used: [Int], at i: Int) -> SIMD3<Double> {
        var force = SIMD3<Double>.zero
        for (k, j) in used.enumerated() {
            let block = fit.kernel.matrix(pairs, count: pairs.count)
            for r in 0..<3 {
                for c in 0..<3 {
                    let noise = i == j && r == c ? fit.kernel.noise : 0
                    force[r] += (block[3 * i + r, 3 * j + c] - noise) * fit.coefficients[k][c]
                }
            }
        }
        return force
    }

    @Test(arguments: RadialKernel.allCases) func interpolatesWithoutNoise(shape: RadialKernel) throws {
        let fit = try VectorKernelFit(Self.kernel(shape, noise: 1e-12), pairs, vectors: vectors)
        for i in vectors.indices {
            let error = predict(fit, Array(0..<Self.count), at: i) - vectors[i]
            #expect((error * error).sum() < 1e-18)
        }
        let smooth = try VectorKernelFit(Self.kernel(shape, noise: 1), pairs, vectors: vectors)
        #expect((predict(smooth, Array(0..<Self.count), at: 0) - vectors[0]).x.magnitude > 1e-2)
    }

    @Test func theMatrixIsSymmetricAndItsDiagonalTheIdentity() {
        let k = Self.kernel(.matern32, noise: 0.25).matrix(pairs, count: Self.count)
        for i in 0..<k.rows {
            #expect(abs(k[i, i] - 1.25) < 1e-15)
            for j in 0..<i { #expect(k[i, j] == k[j, i]) }
        }
        let corner = Self.kernel(.matern32, noise: 0.25).matrix(pairs, count: 4)
        for i in 0..<12 { for j in 0..<12 { #expect(corner[i, j] == k[i, j]) } }
    }

    /// The closed form against a fit that has really not seen the group.
    @Test func groupsLeftOut() throws {
        let kernel = Self.kernel(.exponential, noise: 0.05)
        // The last two are a group, so that the others are a prefix.
        let groups = Array(0..<Self.count - 2) + [99, 99]
        let all = try VectorKernelFit(kernel, pairs, vectors: vectors)
        let without = try all.withoutGroups(groups, vectors: vectors)
        let kept = Array(0..<Self.count - 2)
        let fit = try VectorKernelFit(kernel, pairs, vectors: Array(vectors.prefix(kept.count)))
        for i in Self.count - 2..<Self.count {
            let error = without[i] - predict(fit, kept, at: i)
            #expect((error * error).sum() < 1e-20)
        }
        #expect((without[0] - vectors[0]).x.magnitude > 1e-3)
    }

    @Test func aMatrixThatIsIndefiniteIsRefused() {
        // Everything alike but for the turns: blocks that do not fit together.
        let kernel = VectorKernel(shape: .gaussian, length: 1e6, sigma2: 1e6, noise: 1e-12)
        #expect(throws: LinearAlgebraError.self) {
            try VectorKernelFit(kernel, pairs, vectors: vectors)
        }
    }

    @Test func whatCannotBeAlignedCountsNothing() {
        let kernel = Self.kernel(.exponential, noise: 0)
        #expect(kernel(distance: 0, misfit: 0) == 1)
        #expect(kernel(distance: 0.1, misfit: .infinity) == 0)
        #expect(kernel(distance: 0.1, misfit: 0.4) < kernel(distance: 0.1, misfit: 0.1))
    }
}

import LinearAlgebra
import MinimalLearning
import Testing

/// Environments of three neighbours around a centre, each with an arbitrary vector as its force.
@Suite struct VectorKernelTests {
    static let count = 9
    static let permutations = [[0, 1, 2], [0, 2, 1]]

    let sets: [[SIMD3<Double>]]
    let vectors: [SIMD3<Double>]
    let frames: [LocalFrames]
    let pairs: FramedPairs

    init() {
        var random = SplitMix(seed: 5)
        let sets = (0..<Self.count).map { _ in (0..<3).map { _ in random.vector(in: -1.5...1.5) } }
        self.sets = sets
        vectors = (0..<Self.count).map { _ in random.vector(in: -1...1) }
        frames = sets.map(Self.frames)
        pairs = FramedPairs(frames, distances: distances(among: Self.descriptors(sets)), sigma: 0.4)
    }

    static func frames(_ points: [SIMD3<Double>]) -> LocalFrames {
        LocalFrames(permutations.map { order in order.map { points[$0] } })
    }

    /// Returns a descriptor that does not change under rotation and under exchange of the last two points: the first
    /// point's distance from the centre, the other two distances in ascending order, and the distance between these two
    /// points.
    static func descriptors(_ sets: [[SIMD3<Double>]]) -> Matrix {
        Matrix(
            sets.map { p in
                func length(_ v: SIMD3<Double>) -> Double { (v * v).sum().squareRoot() }
                return [length(p[0])] + [length(p[1]), length(p[2])].sorted() + [length(p[1] - p[2])]
            })
    }

    static func kernel(_ shape: RadialKernel, noise: Double) -> VectorKernel {
        VectorKernel(shape: shape, length: 0.7, sigma2: 0.4, noise: noise)
    }

    /// Returns the force that the fit predicts at reference i, calculated from the definition.
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

    @Test("Without noise the kernel interpolates", arguments: RadialKernel.allCases)
    func interpolatesWithoutNoise(shape: RadialKernel) throws {
        let fit = try VectorKernelFit(Self.kernel(shape, noise: 1e-12), pairs, vectors: vectors)
        for i in vectors.indices {
            let error = predict(fit, Array(0..<Self.count), at: i) - vectors[i]
            #expect((error * error).sum() < 1e-18)
        }
        let smooth = try VectorKernelFit(Self.kernel(shape, noise: 1), pairs, vectors: vectors)
        #expect((predict(smooth, Array(0..<Self.count), at: 0) - vectors[0]).x.magnitude > 1e-2)
    }

    @Test("The kernel matrix is symmetric and positive definite") func positiveDefinite() throws {
        for (shape, sigma) in [(RadialKernel.matern32, 0.4), (.exponential, 2), (.gaussian, 0.1)] {
            var kernel = Self.kernel(shape, noise: 0.25)
            kernel.sigma2 = sigma
            let pairs = FramedPairs(frames, distances: pairs.distances, sigma: sigma)
            let k = kernel.matrix(pairs, count: Self.count)
            var trace = 0.0
            for i in 0..<k.rows {
                trace += k[i, i]
                for j in 0..<i { #expect(k[i, j] == k[j, i]) }
            }
            #expect(abs(trace - 1.25 * Double(k.rows)) < 1e-12)
            // The smallest eigenvalue is above the noise, also for very wide Gaussians.
            #expect(try #require(SymmetricEigen(k).values.min()) > 0.25 - 1e-12)
            let corner = kernel.matrix(pairs, count: 4)
            for i in 0..<12 { for j in 0..<12 { #expect(corner[i, j] == k[i, j]) } }
        }
    }

    /// An environment is rotated and reflected, and its last two neighbours are exchanged. Its overlap with another
    /// environment is rotated and reflected in the same way.
    @Test("Overlaps rotate with their environment") func equivariance() {
        let rotation = Rotation3([0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6])
        for flip in [1.0, -1] {
            let turned = sets[0].map { flip * (rotation * $0) }
            let other = Self.frames([turned[0], turned[2], turned[1]])
            let (before, after) = (
                frames[0].overlap(frames[1], sigma: 0.8), other.overlap(frames[1], sigma: 0.8)
            )
            #expect(before.contains { abs($0) > 1e-4 })
            let expected = (0..<3).map { c in
                flip * (rotation * SIMD3(before[c], before[3 + c], before[6 + c]))
            }
            for r in 0..<3 { for c in 0..<3 { #expect(abs(after[3 * r + c] - expected[c][r]) < 1e-13) } }
            #expect(abs(other.norm(sigma: 0.8) - frames[0].norm(sigma: 0.8)) < 1e-13)
        }
    }

    /// Compares the formula for a group that is left out with a fit without this group.
    @Test("Groups left out are predicted as by a refit") func groupsLeftOut() throws {
        let kernel = Self.kernel(.exponential, noise: 0.05)
        // The last two points are the group, so the other points are the first ones.
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

    @Test("An environment without axes has zero overlap") func withoutAxes() throws {
        let line = LocalFrames([[[1, 0, 0], [-2, 0, 0]], [[1, 0, 0], nil]])
        #expect(line.count == 0 && line.norm(sigma: 1) == 0)
        let three = FramedPairs(
            [frames[0], line, frames[1]], distances: Matrix([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), sigma: 0.4)
        let fit = try VectorKernelFit(
            Self.kernel(.exponential, noise: 0.1), three, vectors: Array(vectors.prefix(3)))
        let error = fit.coefficients[1] - 10 * vectors[1]
        #expect((error * error).sum() < 1e-24)
    }
}

#if canImport(Glibc)
    import Glibc
#endif
public import LinearAlgebra

/// A point's neighbours in several local coordinate systems, one for every permitted order of the neighbours: e₁ points
/// to the first neighbour, e₂ towards the second in the plane of both, e₃ = e₁ × e₂.
///
/// The coordinates are invariant under rotation; under reflection, the third coordinates change sign. An order has no
/// axes and is left out if its first two neighbours are missing or collinear with the centre.
public struct LocalFrames: Sendable {
    /// Axes of each order, as the rows of a rotation from space to the local system.
    let axes: [Rotation3]
    /// For each order the first and second coordinates of all neighbours, Å, divided by √(number of neighbours); the
    /// third coordinates, scaled in the same way, are in `third`.
    let planar: [[Double]]
    let third: [[Double]]
    /// Mean square of the coordinates, which is the same for every order of the same neighbours.
    let size: [Double]

    public var count: Int { axes.count }

    /// - Parameter orders: the neighbours in every permitted order, as vectors from the centre, Å; nil for a missing
    ///   neighbour.
    public init(_ orders: [[SIMD3<Double>?]]) {
        var (axes, planar, third, size): ([Rotation3], [[Double]], [[Double]], [Double]) = ([], [], [], [])
        for points in orders {
            guard points.count >= 2, let a = points[0], let b = points[1],
                let frame = Self.axes(a, b)
            else { continue }
            let inFrame = points.map { $0.map { frame * $0 } ?? .zero }
            let scale = 1 / Double(points.count).squareRoot()
            axes.append(frame)
            planar.append(inFrame.flatMap { [scale * $0.x, scale * $0.y] })
            third.append(inFrame.map { scale * $0.z })
            size.append(inFrame.reduce(0) { $0 + dot($1, $1) } * scale * scale)
        }
        (self.axes, self.planar, self.third, self.size) = (axes, planar, third, size)
    }

    /// Returns the axes; nil if the angle at the centre is below about six degrees, or near 180°.
    private static func axes(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Rotation3? {
        let n = cross(a, b)
        let (aa, bb, nn) = (dot(a, a), dot(b, b), dot(n, n))
        guard nn > 0.01 * aa * bb else { return nil }
        let (e1, e3) = (a / aa.squareRoot(), n / nn.squareRoot())
        return Rotation3(e1, cross(e3, e1), e3)
    }

    /// Largest exponent |c_p − t c'_q|²/σ² of a Gaussian in ``overlap(_:sigma:)``; smaller Gaussians are neglected.
    private static let farthest = 36.0

    /// Returns the agreement of two environments and their relative orientation as a 3×3 matrix by rows,
    ///
    ///     M = Σ_pq Σ_t exp(−|c_p − t c'_q|²/σ²) E_pᵀ diag(1, 1, t) E'_q,      t = ±1
    ///
    /// over the orders p of this environment and q of the other one. E are the axes of an order, c the neighbours'
    /// coordinates in these axes (their squares are averaged over the neighbours), and t = −1 reverses the third
    /// coordinates. M is a positive definite kernel: Gaussians of coordinates are positive definite, products with E_pᵀ
    /// E'_q and sums preserve that, and so does any sum of M over pairs of environments.
    ///
    /// - Parameters:
    ///   - other: the environment of another atom of the same class.
    ///   - sigma: tolerance of the coordinates, Å.
    public func overlap(_ other: LocalFrames, sigma: Double) -> [Double] {
        var m = (SIMD3<Double>.zero, SIMD3<Double>.zero, SIMD3<Double>.zero)
        let scale = 1 / (sigma * sigma)
        for p in axes.indices {
            for q in other.axes.indices {
                let plane = size[p] + other.size[q] - 2 * Self.product(planar[p], other.planar[q])
                let out = 2 * Self.product(third[p], other.third[q])
                guard scale * (plane - abs(out)) < Self.farthest else { continue }
                let (same, mirrored) = (exp(-scale * (plane - out)), exp(-scale * (plane + out)))
                let (sum, difference) = (same + mirrored, same - mirrored)
                let (a, b) = (axes[p], other.axes[q])
                let (x, y, z) = (sum * b.x, sum * b.y, difference * b.z)
                m.0 += a.x.x * x + a.y.x * y + a.z.x * z
                m.1 += a.x.y * x + a.y.y * y + a.z.y * z
                m.2 += a.x.z * x + a.y.z * y + a.z.z * z
            }
        }
        return [m.0.x, m.0.y, m.0.z, m.1.x, m.1.y, m.1.z, m.2.x, m.2.y, m.2.z]
    }

    /// Returns √(tr M/3) of the environment with itself, which normalises ``overlap(_:sigma:)`` to a mean of one;
    /// zero if there are no axes.
    public func norm(sigma: Double) -> Double {
        let m = overlap(self, sigma: sigma)
        return ((m[0] + m[4] + m[8]) / 3).squareRoot()
    }

    @inline(__always) private static func product(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for k in 0..<min(a.count, b.count) { sum += a[k] * b[k] }
        return sum
    }
}

/// The distances and relative orientations of all pairs of references.
public struct FramedPairs: Sendable {
    public let count: Int
    /// Width σ of the Gaussians in the overlaps, Å.
    public let sigma: Double
    /// The distances between the references, K×K.
    public let distances: Matrix
    /// The normalised overlaps of references i and j: K×K blocks of nine numbers, each block row-major.
    let overlaps: [Double]

    /// - Complexity: K²/2 overlaps, 80 K² bytes.
    public init(_ frames: [LocalFrames], distances: Matrix, sigma: Double) {
        let n = frames.count
        precondition(distances.rows == n && distances.columns == n, "one distance per pair")
        (count, self.sigma, self.distances) = (n, sigma, distances)
        let norms = frames.map { $0.norm(sigma: sigma) }
        var overlaps = [Double](repeating: 0, count: 9 * n * n)
        overlaps.withUnsafeMutableBufferPointer { out in
            nonisolated(unsafe) let out = out
            // Row i has i blocks, so rows i and n − 1 − i together have constant cost.
            forEachChunk(of: (n + 1) / 2) { range in
                for half in range {
                    for i in Set([half, n - 1 - half]) {
                        for j in 0...i where norms[i] > 0 && norms[j] > 0 {
                            let m = frames[i].overlap(frames[j], sigma: sigma)
                            let scale = 1 / (norms[i] * norms[j])
                            for r in 0..<3 {
                                for c in 0..<3 {
                                    out[9 * (i * n + j) + 3 * r + c] = scale * m[3 * r + c]
                                    out[9 * (j * n + i) + 3 * c + r] = scale * m[3 * r + c]
                                }
                            }
                        }
                    }
                }
            }
        }
        self.overlaps = overlaps
    }
}

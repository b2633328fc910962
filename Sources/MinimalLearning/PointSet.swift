#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The matrices that an alignment may use.
public enum RotationGroup: String, Sendable, Codable, CaseIterable {
    /// Rotations and reflections. Reflections are possible because forces are polar vectors and a power spectrum is
    /// invariant under reflection.
    case o3
    /// Proper rotations only.
    case so3
}

/// Points around a centre at the origin, each in a slot with a fixed meaning; some slots may be
/// empty.
public struct PointSet: Sendable, Equatable {
    /// One point per slot; an empty slot's value is not used.
    public var points: [SIMD3<Double>]
    /// Bit k is set if slot k is filled.
    public var filled: UInt32

    public init(_ points: [SIMD3<Double>?]) {
        precondition(points.count <= 32, "at most 32 slots")
        self.points = points.map { $0 ?? .zero }
        filled = points.indices.reduce(0) { points[$1] == nil ? $0 : $0 | 1 << UInt32($1) }
    }

    public var isComplete: Bool { filled.nonzeroBitCount == points.count }
}

/// The alignment of one input with every reference j: the matrix R_j that maps the reference onto the input, and the
/// misfit g_j.
public struct Alignments: Sendable {
    /// The matrices R_j, K×9, row-major.
    public internal(set) var rotations: [Double]
    /// The misfit g_j of each of the K references, Å; infinity if there is nothing to align.
    public internal(set) var misfits: [Double]
    /// True for each reference whose points leave the rotation R_j around an axis undetermined.
    public internal(set) var lowRank: [Bool]

    public init(count: Int) {
        rotations = [Double](repeating: 0, count: 9 * count)
        misfits = [Double](repeating: .infinity, count: count)
        lowRank = [Bool](repeating: false, count: count)
    }

    /// Returns R_j.
    public func rotation(_ j: Int) -> Rotation3 {
        rotations.withUnsafeBufferPointer { Rotation3($0.baseAddress.unsafelyUnwrapped + 9 * j) }
    }

    /// Returns the vectors u_j = R_j t_j, where t_j is a vector of reference j.
    public func rotated(_ t: [SIMD3<Double>]) -> [SIMD3<Double>] {
        precondition(t.count == misfits.count, "one vector per reference")
        return rotations.withUnsafeBufferPointer { r in
            t.indices.map { Rotation3(r.baseAddress.unsafelyUnwrapped + 9 * $0) * t[$0] }
        }
    }
}

/// Returns the weights w_j = exp(−(g_j/σ₂)²) (eq. 16).
///
/// - Parameters: g and σ₂ in Å; an infinite g has no weight.
public func alignmentWeights(_ g: [Double], sigma2: Double) -> [Double] {
    g.map { g in exp(-(g / sigma2) * (g / sigma2)) }
}

/// A rotation or reflection, by rows.
public struct Rotation3: Sendable, Equatable {
    public var x: SIMD3<Double>
    public var y: SIMD3<Double>
    public var z: SIMD3<Double>

    public init(_ x: SIMD3<Double>, _ y: SIMD3<Double>, _ z: SIMD3<Double>) {
        (self.x, self.y, self.z) = (x, y, z)
    }

    @inline(__always) init(_ p: UnsafePointer<Double>) {
        self.init([p[0], p[1], p[2]], [p[3], p[4], p[5]], [p[6], p[7], p[8]])
    }

    public static func * (r: Self, v: SIMD3<Double>) -> SIMD3<Double> {
        [dot(r.x, v), dot(r.y, v), dot(r.z, v)]
    }

    public var determinant: Double { dot(x, cross(y, z)) }

    func store(_ out: UnsafeMutablePointer<Double>) {
        for (i, row) in [x, y, z].enumerated() {
            for k in 0..<3 { out[3 * i + k] = row[k] }
        }
    }

    /// Returns the smallest rotation that maps direction s onto direction p.
    static func minimal(from s: SIMD3<Double>, to p: SIMD3<Double>) -> Rotation3 {
        let a = s / dot(s, s).squareRoot()
        let b = p / dot(p, p).squareRoot()
        // R = 1 + [k]× + [k]×²/(1 + c), k = a × b, c = a·b; half a turn where c = −1.
        let c = dot(a, b)
        guard c > -1 + 1e-12 else {
            let axis: SIMD3<Double> = abs(a.x) < 0.6 ? [1, 0, 0] : [0, 1, 0]
            var n = cross(a, axis)
            n /= dot(n, n).squareRoot()
            return Rotation3(
                2 * n.x * n - [1, 0, 0], 2 * n.y * n - [0, 1, 0], 2 * n.z * n - [0, 0, 1])
        }
        let k = cross(a, b)
        let f = 1 / (1 + c)
        return Rotation3(
            [c + f * k.x * k.x, f * k.x * k.y - k.z, f * k.x * k.z + k.y],
            [f * k.x * k.y + k.z, c + f * k.y * k.y, f * k.y * k.z - k.x],
            [f * k.x * k.z - k.y, f * k.y * k.z + k.x, c + f * k.z * k.z])
    }
}

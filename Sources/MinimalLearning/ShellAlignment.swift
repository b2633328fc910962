#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Neighbours around a centre at the origin that are too many and too similar to try all permutations. The first point
/// may be the anchor, a neighbour of another kind; the other points are ordered from near to far.
public struct Shell: Sendable, Equatable {
    public var points: [SIMD3<Double>]
    /// Whether `points[0]` is the anchor.
    public var hasAnchor: Bool

    public init(points: [SIMD3<Double>], hasAnchor: Bool) {
        precondition(!hasAnchor || !points.isEmpty, "a shell with an anchor is not empty")
        self.points = points
        self.hasAnchor = hasAnchor
    }

    var firstOther: Int { hasAnchor ? 1 : 0 }
}

/// References for the alignment of shells, by triangles of the centre and two neighbours.
///
/// If both shells have an anchor, the input's (centre, anchor, nearest other) is compared with the
/// reference's (centre, anchor, each other). Otherwise the input's (centre, its two nearest others)
/// is compared with the reference's (centre, every ordered pair of others). The `triangleCount`
/// candidates of smallest
///
///     u = Σ_{i=1..3} (l_i − l'_i)² + (θ_i − θ'_i)²          (eq. 18; Å, rad)
///
/// with the sides l and angles θ of the two triangles, are aligned. Each triangle is tried with and without reflection;
/// the best alignment has the smallest
///
///     g' = 1/(1+M) √(Σ_k ‖nearest‖²)                        (eq. 13)
///
/// summed over the distances from every point of the larger list (of the input's list if both have the same size) to
/// the nearest point of the smaller list; M is the size of the larger list.
public struct ShellAlignment: Sendable {
    /// Number of triangles that are aligned after the comparison of sides and angles.
    public let triangleCount: Int
    private let group: RotationGroup
    private let references: [Prepared]
    private let mostPoints: Int

    public var count: Int { references.count }

    public init(references: [Shell], group: RotationGroup, triangleCount: Int = 10) {
        self.group = group
        self.triangleCount = triangleCount
        self.references = references.map(Prepared.init)
        mostPoints = references.map(\.points.count).max() ?? 0
    }

    /// Aligns every reference with the input.
    ///
    /// - Complexity: about 2 µs per reference of twelve neighbours.
    public func align(_ input: Shell, into result: inout Alignments) {
        precondition(result.misfits.count == count, "the result has one entry per reference")
        let prepared = Input(input)
        var scratch = Scratch(triangleCount: triangleCount, points: mostPoints)
        result.rotations.withUnsafeMutableBufferPointer { rotations in
            guard let rotations = rotations.baseAddress else { return }
            for j in references.indices {
                (result.misfits[j], result.lowRank[j]) = align(
                    prepared, references[j], &scratch, rotations + 9 * j)
            }
        }
    }

    private func align(
        _ input: Input, _ reference: Prepared, _ scratch: inout Scratch,
        _ out: UnsafeMutablePointer<Double>
    ) -> (misfit: Double, lowRank: Bool) {
        let anchored = input.shell.hasAnchor && reference.shell.hasAnchor
        scratch.candidates.removeAll(keepingCapacity: true)
        if let plane = anchored ? input.anchored : input.free {
            if anchored {
                for pair in reference.anchored { scratch.candidates.append(pair) }
            } else {
                reference.nearestTriangles(plane, &scratch, triangleCount)
            }
            if let best = bestTriangle(input, plane, reference, &scratch) {
                best.rotation.store(out)
                return (best.misfit, false)
            }
        }
        // One of the two shells spans no triangle, because all its points are in one direction from the centre; the
        // rotation about this direction is undetermined. If both shells have an anchor, the reference's anchor is
        // rotated onto the direction of the input's anchor, otherwise the reference's nearest other point onto the
        // direction of the input's.
        let (p, s) = (input.shell, reference.shell)
        guard let i = anchored ? 0 : p.points.indices.first(where: { $0 >= p.firstOther }),
            let j = anchored ? 0 : s.points.indices.first(where: { $0 >= s.firstOther })
        else { return (.infinity, true) }
        let r = Rotation3.minimal(from: s.points[j], to: p.points[i])
        r.store(out)
        return (shellMisfit(p.points, s.points.map { r * $0 }), true)
    }

    /// Tries every candidate with and without reflection, four candidates at once.
    private func bestTriangle(
        _ input: Input, _ plane: Plane, _ reference: Prepared, _ scratch: inout Scratch
    ) -> (rotation: Rotation3, misfit: Double)? {
        let candidates = scratch.candidates
        guard !candidates.isEmpty else { return nil }
        let (p, s) = (plane.points, reference.shell.points)
        var best = (misfit: Double.infinity, candidate: 0, hand: 1.0)
        for start in stride(from: 0, to: candidates.count, by: 4) {
            let frames = turnedFrames(s, candidates, start, plane)
            for k in s.indices { scratch.moved[k] = frames(LaneVector(repeating: s[k])) }
            let (same, mirrored) = Self.sums(p, s.count, scratch.moved)
            for lane in 0..<min(4, candidates.count - start) {
                if same[lane] < best.misfit { best = (same[lane], start + lane, 1) }
                // In Å². A reflection is chosen only if it is better than the best candidate so far by more than the
                // rounding error.
                if group == .o3, mirrored[lane] < best.misfit * (1 - 1e-9) - 1e-18 {
                    best = (mirrored[lane], start + lane, -1)
                }
            }
        }
        guard best.misfit.isFinite else { return nil }
        let (first, second) = candidates[best.candidate].indices
        guard let other = Plane(s[first], s[second]) else { return nil }
        let rotation = plane.rotation(from: other, hand: best.hand)
        let larger = max(p.count, s.count)
        return (rotation, best.misfit.squareRoot() / Double(larger + 1))
    }

    /// Returns the sums of squared distances to the nearest point for four candidates: for the reference itself, and
    /// for its mirror image in the plane.
    @inline(__always)
    private static func sums(
        _ p: [SIMD3<Double>], _ count: Int, _ moved: [LaneVector]
    ) -> (Lanes, Lanes) {
        var (same, mirrored) = (Lanes.zero, Lanes.zero)
        p.withUnsafeBufferPointer { p in
            moved.withUnsafeBufferPointer { s in
                if count > p.count {
                    for k in 0..<count {
                        var (a, b) = (Lanes(repeating: .infinity), Lanes(repeating: .infinity))
                        for i in p.indices { nearer(p[i], s[k], &a, &b) }
                        same += a
                        mirrored += b
                    }
                } else {
                    for i in p.indices {
                        var (a, b) = (Lanes(repeating: .infinity), Lanes(repeating: .infinity))
                        for k in 0..<count { nearer(p[i], s[k], &a, &b) }
                        same += a
                        mirrored += b
                    }
                }
            }
        }
        return (same, mirrored)
    }

    @inline(__always)
    private static func nearer(
        _ p: SIMD3<Double>, _ s: LaneVector, _ same: inout Lanes, _ mirrored: inout Lanes
    ) {
        let (x, y) = (p.x - s.x, p.y - s.y)
        let inPlane = x * x + y * y
        let (below, above) = (p.z - s.z, p.z + s.z)
        let (a, b) = (inPlane + below * below, inPlane + above * above)
        same.replace(with: a, where: a .< same)
        mirrored.replace(with: b, where: b .< mirrored)
    }
}

/// Returns the misfit g' (eq. 13, see ``ShellAlignment``) of two lists that are already aligned.
private func shellMisfit(_ p: [SIMD3<Double>], _ s: [SIMD3<Double>]) -> Double {
    let (from, to) = s.count > p.count ? (s, p) : (p, s)
    let sum = from.reduce(0.0) { sum, a in
        sum + (to.map { dot(a - $0, a - $0) }.min() ?? 0)
    }
    return sum.squareRoot() / Double(from.count + 1)
}

/// An input's shell with the frames of its two triangles.
private struct Input {
    let shell: Shell
    /// The frame of the triangle (centre, anchor, nearest other point). Nil if the shell has no anchor or no such
    /// triangle.
    let anchored: Plane?
    /// The frame of the triangle (centre, nearest other point, second nearest other point). Nil if there is no such
    /// triangle.
    let free: Plane?

    init(_ shell: Shell) {
        self.shell = shell
        let others = shell.points.indices.dropFirst(shell.firstOther)
        func plane(_ first: Int?, _ rest: some Sequence<Int>) -> Plane? {
            guard let first else { return nil }
            // A neighbour that is collinear with the first one spans no plane, so the next one is used instead.
            for k in rest {
                if var plane = Plane(shell.points[first], shell.points[k]) {
                    plane.points = shell.points.map(plane.coordinates)
                    return plane
                }
            }
            return nil
        }
        anchored = plane(shell.hasAnchor ? 0 : nil, others)
        free = plane(others.first, others.dropFirst())
    }
}

/// A reference with all quantities that do not depend on the input.
private struct Prepared: Sendable {
    let shell: Shell
    /// The triangles of the centre, the anchor and each other point.
    let anchored: [Candidate]
    private let pairs: [Candidate]
    /// Sides and angles l₁ l₂ l₃ θ₁ θ₂ θ₃ of the triangle of each of the `pairs`, in blocks of four pairs; the last
    /// block is padded.
    private let sides: [Lanes]

    init(_ shell: Shell) {
        self.shell = shell
        let others = shell.points.indices.dropFirst(shell.firstOther)
        func spans(_ a: Int, _ b: Int) -> Bool { Plane(shell.points[a], shell.points[b]) != nil }
        anchored =
            shell.hasAnchor
            ? others.filter { spans(0, $0) }.map { Candidate(indices: (0, $0)) } : []
        var pairs: [Candidate] = []
        for a in others {
            for b in others where a != b && spans(a, b) { pairs.append(Candidate(indices: (a, b))) }
        }
        self.pairs = pairs
        let blocks = (pairs.count + 3) / 4
        var sides = [Lanes](repeating: Lanes(repeating: .infinity), count: 6 * blocks)
        for (k, pair) in pairs.enumerated() {
            let values = sidesAndAngles(shell.points[pair.indices.0], shell.points[pair.indices.1])
            for c in 0..<6 { sides[k / 4 * 6 + c][k % 4] = values[c] }
        }
        self.sides = sides
    }

    /// Adds the `count` pairs with the smallest u (eq. 18) relative to the triangle of `plane` to the candidates; in
    /// case of a tie, the pair with the lower index.
    func nearestTriangles(_ plane: Plane, _ scratch: inout Scratch, _ count: Int) {
        scratch.kept.removeAll(keepingCapacity: true)
        var worst = Double.infinity
        let t = plane.triangle
        sides.withUnsafeBufferPointer { sides in
            for block in 0..<sides.count / 6 {
                var u = Lanes.zero
                for c in 0..<6 {
                    let difference = sides[6 * block + c] - t[c]
                    u += difference * difference
                }
                guard any(u .< worst) else { continue }
                for lane in 0..<4 where u[lane] < worst {
                    scratch.keep(u[lane], 4 * block + lane, count)
                    if scratch.kept.count == count { worst = scratch.kept[count - 1].u }
                }
            }
        }
        for kept in scratch.kept { scratch.candidates.append(pairs[kept.index]) }
    }
}

/// Returns the frames of four candidate triangles, each rotated within its plane to fit the frame of the input; rows
/// are axes.
@inline(__always)
private func turnedFrames(
    _ points: [SIMD3<Double>], _ candidates: [Candidate], _ start: Int, _ plane: Plane
) -> LaneMatrix {
    var (a, b) = (LaneVector(.zero, .zero, .zero), LaneVector(.zero, .zero, .zero))
    for lane in 0..<4 {
        let (i, j) = candidates[min(start + lane, candidates.count - 1)].indices
        (a.x[lane], a.y[lane], a.z[lane]) = (points[i].x, points[i].y, points[i].z)
        (b.x[lane], b.y[lane], b.z[lane]) = (points[j].x, points[j].y, points[j].z)
    }
    let length = (a.x * a.x + a.y * a.y + a.z * a.z).squareRoot()
    let x = LaneVector(a.x / length, a.y / length, a.z / length)
    var z = LaneVector(x.y * b.z - x.z * b.y, x.z * b.x - x.x * b.z, x.x * b.y - x.y * b.x)
    let height = (z.x * z.x + z.y * z.y + z.z * z.z).squareRoot()
    z = LaneVector(z.x / height, z.y / height, z.z / height)
    let y = LaneVector(z.y * x.z - z.z * x.y, z.z * x.x - z.x * x.z, z.x * x.y - z.y * x.x)
    // The second point is (x·b, height) in its frame.
    let along = x.x * b.x + x.y * b.y + x.z * b.z
    var c = length * plane.first.x + along * plane.second.x + height * plane.second.y
    var s = along * plane.second.y - height * plane.second.x
    let r = (c * c + s * s).squareRoot()
    (c, s) = (c / r, s / r)
    var frames = LaneMatrix()
    (frames.xx, frames.xy, frames.xz) = (c * x.x - s * y.x, c * x.y - s * y.y, c * x.z - s * y.z)
    (frames.yx, frames.yy, frames.yz) = (s * x.x + c * y.x, s * x.y + c * y.y, s * x.z + c * y.z)
    (frames.zx, frames.zy, frames.zz) = (z.x, z.y, z.z)
    return frames
}

/// Two neighbours of a reference that form a triangle with the centre.
private struct Candidate: Sendable {
    let indices: (Int, Int)
}

private struct Scratch {
    var candidates: [Candidate] = []
    /// The best candidates, in ascending order of u.
    var kept: [(u: Double, index: Int)] = []
    var moved: [LaneVector]

    init(triangleCount: Int, points: Int) {
        kept.reserveCapacity(triangleCount + 1)
        moved = [LaneVector](repeating: LaneVector(.zero, .zero, .zero), count: points)
    }

    mutating func keep(_ u: Double, _ index: Int, _ count: Int) {
        if kept.count == count { kept.removeLast() }
        kept.append((u, index))
        var k = kept.count - 1
        while k > 0, kept[k - 1].u > u {
            kept[k] = kept[k - 1]
            k -= 1
        }
        kept[k] = (u, index)
    }
}

/// Returns sides |ca|, |ab|, |bc| and angles at c, a, b of the triangle with c at the origin.
private func sidesAndAngles(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> [Double] {
    func length(_ v: SIMD3<Double>) -> Double { dot(v, v).squareRoot() }
    func angle(_ u: SIMD3<Double>, _ v: SIMD3<Double>) -> Double {
        atan2(length(cross(u, v)), dot(u, v))
    }
    return [
        length(a), length(b - a), length(b), angle(a, b), angle(-a, b - a), angle(-b, a - b),
    ]
}

/// A frame whose x axis points to the first of two points and whose xy plane contains the second,
/// at positive y.
private struct Plane {
    let first: SIMD3<Double>
    let second: SIMD3<Double>
    let axes: Rotation3
    /// The points of the shell in this frame.
    var points: [SIMD3<Double>] = []

    /// Makes the frame; returns nil if the points and the origin are collinear (sin < 10⁻⁶).
    init?(_ a: SIMD3<Double>, _ b: SIMD3<Double>) {
        let n = cross(a, b)
        let (area, aa, bb) = (dot(n, n), dot(a, a), dot(b, b))
        guard area > 1e-12 * aa * bb else { return nil }
        let x = a / aa.squareRoot()
        let z = n / area.squareRoot()
        axes = Rotation3(x, cross(z, x), z)
        (first, second) = (axes * a, axes * b)
    }

    func coordinates(_ v: SIMD3<Double>) -> SIMD3<Double> { axes * v }

    var triangle: [Double] { sidesAndAngles(first, second) }

    /// Returns the matrix R that maps `other`'s triangle onto this one, rotated within the plane
    /// for the least squares of the two points, with z kept (hand 1) or reversed (hand −1).
    func rotation(from other: Plane, hand: Double) -> Rotation3 {
        // p₁, p₂ and s₁, s₂: the two points of each plane in its own axes. A = p₁s₁ᵀ + p₂s₂ᵀ (2×2) has a positive
        // determinant, so its polar factor is the least-squares rotation within the plane, by φ: cos φ = c/r,
        // sin φ = s/r.
        let (p1, p2, s1, s2) = (first, second, other.first, other.second)
        let c = p1.x * s1.x + p2.x * s2.x + p2.y * s2.y
        let s = p2.y * s2.x - p2.x * s2.y
        let r = (c * c + s * s).squareRoot()
        let turned = Rotation3(
            c / r * other.axes.x - s / r * other.axes.y, s / r * other.axes.x + c / r * other.axes.y,
            hand * other.axes.z)
        // R = axesᵀ turned.
        func row(_ k: Int) -> SIMD3<Double> {
            axes.x[k] * turned.x + axes.y[k] * turned.y + axes.z[k] * turned.z
        }
        return Rotation3(row(0), row(1), row(2))
    }
}

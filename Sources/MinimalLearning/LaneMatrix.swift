/// Four numbers that are processed at once, one per lane.
typealias Lanes = SIMD4<Double>

/// Four vectors, one per lane.
struct LaneVector {
    var x: Lanes
    var y: Lanes
    var z: Lanes

    @inline(__always) init(_ x: Lanes, _ y: Lanes, _ z: Lanes) { (self.x, self.y, self.z) = (x, y, z) }

    /// The same vector in every lane.
    @inline(__always) init(repeating v: SIMD3<Double>) {
        self.init(Lanes(repeating: v.x), Lanes(repeating: v.y), Lanes(repeating: v.z))
    }

    @inline(__always) var squaredLength: Lanes { x * x + y * y + z * z }
}

/// Four 3×3 matrices, one per lane.
struct LaneMatrix {
    var xx = Lanes.zero, xy = Lanes.zero, xz = Lanes.zero
    var yx = Lanes.zero, yy = Lanes.zero, yz = Lanes.zero
    var zx = Lanes.zero, zy = Lanes.zero, zz = Lanes.zero

    @inline(__always) init() {}

    /// Adds p sᵀ. Multiplication and addition are not fused, because a fused operation is a library call on processors
    /// without an instruction for it.
    @inline(__always) mutating func add(_ p: LaneVector, _ s: LaneVector) {
        xx += p.x * s.x
        xy += p.x * s.y
        xz += p.x * s.z
        yx += p.y * s.x
        yy += p.y * s.y
        yz += p.y * s.z
        zx += p.z * s.x
        zy += p.z * s.y
        zz += p.z * s.z
    }

    @inline(__always) func callAsFunction(_ v: LaneVector) -> LaneVector {
        LaneVector(
            xx * v.x + xy * v.y + xz * v.z, yx * v.x + yy * v.y + yz * v.z,
            zx * v.x + zy * v.y + zz * v.z)
    }

    @inline(__always) func scaled(by s: Lanes) -> LaneMatrix {
        var m = LaneMatrix()
        (m.xx, m.xy, m.xz) = (xx * s, xy * s, xz * s)
        (m.yx, m.yy, m.yz) = (yx * s, yy * s, yz * s)
        (m.zx, m.zy, m.zz) = (zx * s, zy * s, zz * s)
        return m
    }

    @inline(__always)
    mutating func replace(with other: LaneMatrix, where mask: SIMDMask<Lanes.MaskStorage>) {
        xx.replace(with: other.xx, where: mask)
        xy.replace(with: other.xy, where: mask)
        xz.replace(with: other.xz, where: mask)
        yx.replace(with: other.yx, where: mask)
        yy.replace(with: other.yy, where: mask)
        yz.replace(with: other.yz, where: mask)
        zx.replace(with: other.zx, where: mask)
        zy.replace(with: other.zy, where: mask)
        zz.replace(with: other.zz, where: mask)
    }

    /// Writes the nine elements of one lane to `out`, row-major.
    @inline(__always) func store(lane: Int, to out: UnsafeMutablePointer<Double>) {
        (out[0], out[1], out[2]) = (xx[lane], xy[lane], xz[lane])
        (out[3], out[4], out[5]) = (yx[lane], yy[lane], yz[lane])
        (out[6], out[7], out[8]) = (zx[lane], zy[lane], zz[lane])
    }
}

/// Invariants of A = Σ p sᵀ, computed without its singular values s₁ ≥ s₂ ≥ s₃.
struct LaneInvariants {
    /// The sum of squares s₁² + s₂² + s₃².
    let square: Lanes
    /// The sum of the squared cofactors, s₁²s₂² + s₁²s₃² + s₂²s₃².
    let cofactors: Lanes
    /// det A = ± s₁ s₂ s₃.
    var determinant: Lanes

    @inline(__always) init(_ a: LaneMatrix) {
        let (c0, c1, c2) = (
            a.yy * a.zz - a.yz * a.zy, a.yz * a.zx - a.yx * a.zz, a.yx * a.zy - a.yy * a.zx
        )
        let (c3, c4, c5) = (
            a.xz * a.zy - a.xy * a.zz, a.xx * a.zz - a.xz * a.zx, a.xy * a.zx - a.xx * a.zy
        )
        let (c6, c7, c8) = (
            a.xy * a.yz - a.xz * a.yy, a.xz * a.yx - a.xx * a.yz, a.xx * a.yy - a.xy * a.yx
        )
        determinant = a.xx * c0 + a.xy * c1 + a.xz * c2
        cofactors =
            c0 * c0 + c1 * c1 + c2 * c2 + c3 * c3 + c4 * c4 + c5 * c5 + c6 * c6 + c7 * c7 + c8 * c8
        square =
            a.xx * a.xx + a.xy * a.xy + a.xz * a.xz + a.yx * a.yx + a.yy * a.yy + a.yz * a.yz
            + a.zx * a.zx + a.zy * a.zy + a.zz * a.zz
    }

    /// Returns the invariants of A times `sign`, which is 1 or −1 in each lane.
    @inline(__always) func flipped(by sign: Lanes) -> LaneInvariants {
        var result = self
        result.determinant *= sign
        return result
    }

    /// Whether s₃ < 10⁻⁶ s₁, so that the sign of the determinant is only a rounding error.
    @inline(__always) var planar: SIMDMask<Lanes.MaskStorage> {
        determinant * determinant .<= 1e-12 * cofactors * square
    }

    /// Whether s₂ < 10⁻⁶ s₁, so that the rotation about the common direction of the points is undetermined.
    @inline(__always) var collinear: SIMDMask<Lanes.MaskStorage> {
        cofactors .<= 1e-12 * square * square
    }
}

/// Returns the proper rotation R that maximises tr(RᵀA), in every lane: the unit quaternion of the
/// largest eigenvalue of Horn's 4×4 matrix, by Newton's method on its characteristic polynomial and
/// the adjugate.
///
/// With the singular values s₁ ≥ s₂ ≥ s₃ of A, the eigenvalues are s₁+s₂+δs₃, s₁−s₂−δs₃, −s₁+s₂−δs₃, −s₁−s₂+δs₃ (δ the
/// sign of det A). The largest is separated from the next by 2(s₂ + δs₃): it is well determined for δ = +1 unless the
/// points are collinear.
///
/// - Parameter bound: an upper bound of the largest eigenvalue, for example √(Σ‖p‖² Σ‖s‖²); a
///   closer bound needs fewer steps.
/// - Source: Horn, J. Opt. Soc. Am. A 4, 629 (1987); Theobald, Acta Cryst. A 61, 478 (2005).
@inline(__always)
func properRotation(
    _ a: LaneMatrix, _ invariants: LaneInvariants, startingAt bound: Lanes
) -> LaneMatrix {
    // The coefficients of the characteristic polynomial λ⁴ + c₂λ² + c₁λ + c₀ follow from the invariants.
    let c2 = -2 * invariants.square
    let c1 = -8 * invariants.determinant
    let c0 = invariants.square * invariants.square - 4 * invariants.cofactors
    // Newton's method approaches the largest root from above; near it a step squares the error, so
    // no step is needed after one of relative size 10⁻⁹.
    var lambda = bound
    for _ in 0..<60 {
        let l2 = lambda * lambda
        let value = (l2 + c2) * l2 + c1 * lambda + c0
        let slope = (4 * l2 + 2 * c2) * lambda + c1
        var step = value / slope
        step.replace(with: 0, where: .!(slope .> 0) .| (step .< 0))
        lambda -= step
        if all(step .<= 1e-9 * lambda) { break }
    }

    let m00 = a.xx + a.yy + a.zz - lambda
    let m11 = a.xx - a.yy - a.zz - lambda
    let m22 = a.yy - a.xx - a.zz - lambda
    let m33 = a.zz - a.xx - a.yy - lambda
    let (m01, m02, m03) = (a.zy - a.yz, a.xz - a.zx, a.yx - a.xy)
    let (m12, m13, m23) = (a.xy + a.yx, a.xz + a.zx, a.yz + a.zy)

    // The adjugate, from 2×2 minors of the upper and lower half of the matrix, is a multiple of q qᵀ, where q is the
    // quaternion.
    let s0 = m00 * m11 - m01 * m01
    let s1 = m00 * m12 - m01 * m02
    let s2 = m00 * m13 - m01 * m03
    let s3 = m01 * m12 - m11 * m02
    let s4 = m01 * m13 - m11 * m03
    let s5 = m02 * m13 - m12 * m03
    let t5 = m22 * m33 - m23 * m23
    let t4 = m12 * m33 - m13 * m23
    let t3 = m12 * m23 - m13 * m22
    let t2 = m02 * m33 - m03 * m23
    let t1 = m02 * m23 - m03 * m22
    let a00 = m11 * t5 - m12 * t4 + m13 * t3
    let a01 = m02 * t4 - m01 * t5 - m03 * t3
    let a02 = m13 * s5 - m23 * s4 + m33 * s3
    let a03 = m22 * s4 - m12 * s5 - m23 * s3
    let a11 = m00 * t5 - m02 * t2 + m03 * t1
    let a12 = m23 * s2 - m03 * s5 - m33 * s1
    let a13 = m02 * s5 - m22 * s2 + m23 * s1
    let a22 = m03 * s4 - m13 * s2 + m33 * s0
    let a23 = m12 * s2 - m02 * s4 - m23 * s0
    let a33 = m02 * s3 - m12 * s1 + m22 * s0

    var (w, x, y, z) = (a00, a01, a02, a03)
    var best = magnitude(a00)
    func take(_ diagonal: Lanes, _ row: (Lanes, Lanes, Lanes, Lanes)) {
        let larger = magnitude(diagonal) .> best
        best.replace(with: magnitude(diagonal), where: larger)
        w.replace(with: row.0, where: larger)
        x.replace(with: row.1, where: larger)
        y.replace(with: row.2, where: larger)
        z.replace(with: row.3, where: larger)
    }
    take(a11, (a01, a11, a12, a13))
    take(a22, (a02, a12, a22, a23))
    take(a33, (a03, a13, a23, a33))
    let norm = w * w + x * x + y * y + z * z
    w.replace(with: 1, where: .!(norm .> 0))
    let scale = 2 / norm.replacing(with: 1, where: .!(norm .> 0))

    var r = LaneMatrix()
    r.xx = 1 - scale * (y * y + z * z)
    r.xy = scale * (x * y - w * z)
    r.xz = scale * (x * z + w * y)
    r.yx = scale * (x * y + w * z)
    r.yy = 1 - scale * (x * x + z * z)
    r.yz = scale * (y * z - w * x)
    r.zx = scale * (x * z - w * y)
    r.zy = scale * (y * z + w * x)
    r.zz = 1 - scale * (x * x + y * y)
    return r
}

@inline(__always) func magnitude(_ v: Lanes) -> Lanes { v.replacing(with: -v, where: v .< 0) }

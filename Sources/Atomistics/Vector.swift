import Glibc

extension SIMD3<Double> {
    /// Returns the scalar product Σ_k u_k v_k.
    @inlinable public func dot(_ other: Self) -> Double { (self * other).sum() }

    /// Returns the vector product u × v.
    @inlinable public func cross(_ v: Self) -> Self {
        [y * v.z - z * v.y, z * v.x - x * v.z, x * v.y - y * v.x]
    }

    /// ‖u‖².
    @inlinable public var squaredLength: Double { dot(self) }

    /// ‖u‖.
    @inlinable public var length: Double { squaredLength.squareRoot() }

    /// True if all three components are finite numbers.
    @inlinable public var isFinite: Bool { x.isFinite && y.isFinite && z.isFinite }

    /// Returns the angle between this vector and another one, degrees; 90 if one of them is zero.
    public func angle(to other: Self) -> Double {
        let length = (squaredLength * other.squaredLength).squareRoot()
        guard length > 0 else { return 90 }
        return acos(Swift.max(-1, Swift.min(1, dot(other) / length))) * 180 / .pi
    }

    /// A unit vector perpendicular to this one, which must not be zero.
    public var anyNormal: Self {
        let axis: Self =
            abs(x) <= abs(y) && abs(x) <= abs(z) ? [1, 0, 0] : abs(y) <= abs(z) ? [0, 1, 0] : [0, 0, 1]
        let normal = cross(axis)
        return normal / normal.length
    }
}

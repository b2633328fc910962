extension SIMD3<Double> {
    /// Σ_k u_k v_k.
    @inlinable public func dot(_ other: Self) -> Double { (self * other).sum() }

    /// u × v.
    @inlinable public func cross(_ v: Self) -> Self {
        [y * v.z - z * v.y, z * v.x - x * v.z, x * v.y - y * v.x]
    }

    /// ‖u‖².
    @inlinable public var squaredLength: Double { dot(self) }

    /// ‖u‖.
    @inlinable public var length: Double { squaredLength.squareRoot() }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Returns the real roots of s³ + p s + q, each refined by Newton steps.
func depressedCubicRoots(p: Double, q: Double) -> [Double] {
    if p == 0 && q == 0 { return [0] }
    let discriminant = q * q / 4 + p * p * p / 27
    var roots: [Double]
    if discriminant > 0 {
        // There is one real root; the larger of the two cube roots is computed first, which avoids
        // cancellation.
        let u = cbrt(-q / 2 - (q < 0 ? -1 : 1) * discriminant.squareRoot())
        roots = [u == 0 ? 0 : u - p / (3 * u)]
    } else {
        let radius = 2 * (-p / 3).squareRoot()
        let argument = max(-1, min(1, 3 * q / (p * radius)))
        let angle = acos(argument) / 3
        roots = (0..<3).map { radius * cos(angle - 2 * .pi * Double($0) / 3) }
    }
    for i in roots.indices {
        for _ in 0..<3 {
            let s = roots[i]
            let slope = 3 * s * s + p
            guard slope != 0 else { break }
            let step = ((s * s + p) * s + q) / slope
            guard step.isFinite, abs(step) < abs(s) * 0.1 else { break }
            roots[i] = s - step
        }
    }
    return roots
}

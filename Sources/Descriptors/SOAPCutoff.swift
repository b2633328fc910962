import Foundation

/// How a neighbour's weight ends at the edge of the sphere that a SOAP centre sees.
public enum SOAPCutoff: Sendable, Equatable, Codable {
    /// Weight 1 up to and including R = r_cut + 3.717 σ, then 0: DScribe's rule. The descriptor, and an
    /// energy made of it, jump where an atom crosses R.
    case hard
    /// Weight 1 up to `radius` − `width`, then (1 + cos(π t))/2 with t from 0 to 1, 0 from `radius` on, Å:
    /// continuous with a continuous first derivative. Without a radius, R as above.
    case smooth(width: Double, radius: Double? = nil)

    /// Weight and its derivative at distance r for a sphere of radius `edge`.
    @inline(__always)
    func weight(_ r: Double, edge: Double) -> (value: Double, slope: Double) {
        guard case .smooth(let width, _) = self else { return (1, 0) }
        let t = (r - edge) / width + 1
        guard t > 0 else { return (1, 0) }
        return (0.5 * (1 + cos(.pi * t)), -0.5 * .pi / width * sin(.pi * t))
    }
}

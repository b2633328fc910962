import Foundation

/// The weight of a neighbour near the edge of the sphere around a SOAP centre.
public enum SOAPCutoff: Sendable, Equatable, Codable {
    /// Weight 1 up to and including R = r_cut + 3.717 σ, then 0: DScribe's rule. The descriptor,
    /// and an energy computed from it, are discontinuous where an atom crosses R.
    case hard
    /// Weight 1 up to `radius` − `width`, then (1 + cos(π t))/2 with t from 0 to 1, 0 from `radius`
    /// on, Å: continuous, with a continuous first derivative. The default radius is R as above.
    case smooth(width: Double, radius: Double? = nil)

    /// Returns the weight and its derivative at distance r for a sphere of radius `edge`.
    @inline(__always)
    func weight(_ r: Double, edge: Double) -> (value: Double, slope: Double) {
        guard case .smooth(let width, _) = self else { return (1, 0) }
        let t = (r - edge) / width + 1
        guard t > 0 else { return (1, 0) }
        return (0.5 * (1 + cos(.pi * t)), -0.5 * .pi / width * sin(.pi * t))
    }
}

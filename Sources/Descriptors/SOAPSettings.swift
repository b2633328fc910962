public import Atomistics
import Foundation

/// The settings of a SOAP descriptor as models and recipes keep them.
public struct SOAPSettings: Codable, Sendable, Hashable {
    /// Symbols of the elements that a structure may contain, by atomic number. Nil means that the caller of
    /// ``soap(of:)`` gives the elements.
    public var species: [String]?
    /// Cutoff radius of the radial basis, Å.
    public var rCut: Double
    public var nMax: Int
    public var lMax: Int
    /// Width of an atom's Gaussian density, Å.
    public var sigma: Double
    /// Distance from which on neighbours do not count, Å; used only if ``cutoffWidth`` is not nil. Nil means r_cut +
    /// 3.717 σ.
    public var cutoffRadius: Double?
    /// Width of the range below the cutoff radius in which a neighbour's weight decreases to zero, Å. Nil means the
    /// hard cutoff, ``SOAPCutoff/hard``.
    public var cutoffWidth: Double?

    public init(
        species: [String]? = nil, rCut: Double, nMax: Int, lMax: Int, sigma: Double,
        cutoffRadius: Double? = nil, cutoffWidth: Double? = nil
    ) {
        (self.species, self.rCut, self.nMax) = (species, rCut, nMax)
        (self.lMax, self.sigma) = (lMax, sigma)
        (self.cutoffRadius, self.cutoffWidth) = (cutoffRadius, cutoffWidth)
    }

    /// The settings of arXiv:2203.09788 for gold–thiolate clusters.
    public static let paper = SOAPSettings(
        species: ["H", "C", "S", "Au"], rCut: 4, nMax: 7, lMax: 4, sigma: 0.25)

    /// Makes the descriptor. It counts the images of a periodic structure as neighbours.
    ///
    /// - Parameter elements: the elements that a structure may contain. Nil means ``species``.
    public func soap(of elements: [Element]? = nil) throws(DescriptorError) -> SOAP {
        try SOAP(
            species: elements ?? (species ?? []).compactMap { Element(symbol: $0) }, rCut: rCut, nMax: nMax,
            lMax: lMax, sigma: sigma, periodic: true,
            cutoff: cutoffWidth.map { .smooth(width: $0, radius: cutoffRadius) } ?? .hard)
    }
}

/// The weight of a neighbour near the edge of the sphere around a SOAP centre.
public enum SOAPCutoff: Sendable, Equatable, Codable {
    /// Weight 1 up to and including R = r_cut + 3.717 σ, then 0: DScribe's rule. The descriptor,
    /// and an energy computed from it, are discontinuous where an atom crosses R.
    case hard
    /// Weight 1 up to `radius` − `width`, then (1 + cos(π t))/2 with t increasing from 0 to 1, and 0 from `radius` on;
    /// both lengths in Å. The weight and its first derivative are continuous. A nil `radius` means r_cut + 3.717 σ.
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

/// The reason why a descriptor cannot be built, or cannot be computed for a structure.
public enum DescriptorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting out of its range: its name, its value, the allowed values.
    case invalidParameter(name: String, value: String, allowed: String)
    /// The overlap of the radial basis is not positive definite at this angular momentum.
    case illConditionedBasis(l: Int)
    /// Elements of the structure that the descriptor was not built for.
    case unknownElements([Element], known: [Element])
    /// The structure is periodic, but its lattice vectors span no volume.
    case flatCell
    /// A coordinate of this 0-based atom or centre is NaN or infinite.
    case notFinite(index: Int)
    /// A centre that is not an atom of the structure.
    case noSuchAtom(Int, count: Int)

    public var description: String {
        switch self {
        case .invalidParameter(let name, let value, let allowed):
            "\(name) is \(value); it must be \(allowed)"
        case .illConditionedBasis(let l):
            "the radial basis is linearly dependent for l = \(l); lower n_max or raise r_cut"
        case .unknownElements(let elements, let known):
            "the descriptor was built for \(known.map(\.symbol).joined(separator: ", ")); the structure also has "
                + "\(elements.map(\.symbol).joined(separator: ", ")); add these to its species"
        case .flatCell: "the structure is periodic, but its lattice vectors span no volume"
        case .notFinite(let index): "coordinate \(index) is not a finite number"
        case .noSuchAtom(let index, let count):
            "atom \(index) was requested, but the structure has \(counted(count, "atom")) (indices start at 0)"
        }
    }
}

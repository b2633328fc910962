public import Atomistics

/// The settings of a SOAP descriptor as models and recipes keep them.
public struct SOAPSettings: Codable, Sendable, Hashable {
    /// Symbols of the elements that a structure may contain, by atomic number; nil for those of the data.
    public var species: [String]?
    /// Å.
    public var rCut: Double
    public var nMax: Int
    public var lMax: Int
    /// Å.
    public var sigma: Double
    /// Neighbours at this distance or beyond do not count, Å; nil for the hard cutoff.
    public var cutoffRadius: Double?
    /// Over this width before ``cutoffRadius`` a neighbour's weight decreases to zero, Å; nil for the hard cutoff.
    public var cutoffWidth: Double?

    public init(
        species: [String]? = nil, rCut: Double, nMax: Int, lMax: Int, sigma: Double,
        cutoffRadius: Double? = nil, cutoffWidth: Double? = nil
    ) {
        (self.species, self.rCut, self.nMax) = (species, rCut, nMax)
        (self.lMax, self.sigma) = (lMax, sigma)
        (self.cutoffRadius, self.cutoffWidth) = (cutoffRadius, cutoffWidth)
    }

    /// The choice of arXiv:2203.09788 for gold–thiolate clusters.
    public static let paper = SOAPSettings(
        species: ["H", "C", "S", "Au"], rCut: 4, nMax: 7, lMax: 4, sigma: 0.25)

    /// - Parameter elements: the elements of the data; nil for ``species``.
    public func soap(of elements: [Element]? = nil) throws(DescriptorError) -> SOAP {
        try SOAP(
            species: elements ?? (species ?? []).compactMap { Element(symbol: $0) }, rCut: rCut, nMax: nMax,
            lMax: lMax, sigma: sigma,
            cutoff: cutoffWidth.map { .smooth(width: $0, radius: cutoffRadius) } ?? .hard)
    }
}

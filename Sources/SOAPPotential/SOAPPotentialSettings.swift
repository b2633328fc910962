import Atomistics
public import Descriptors

/// All settings that, together with the data, determine a SOAP potential.
public struct SOAPPotentialSettings: Codable, Sendable, Equatable {
    /// The descriptor, with a smooth cutoff, of every element that is not listed in ``descriptors``.
    public var descriptor = SOAPSettings(
        rCut: 4, nMax: 6, lMax: 3, sigma: 0.3, cutoffRadius: 6, cutoffWidth: 6)
    /// Descriptors of single elements, by element symbol.
    public var descriptors: [String: SOAPSettings] = [:]
    /// The kernel is (p̂·p̂')^power; 1 makes the energy linear in the normalised power spectrum.
    public var power = 2
    /// Number of inducing environments of an element that is not listed in ``inducingByElement``; they are chosen by
    /// farthest point.
    public var inducing = 350
    /// Numbers of inducing environments of single elements, by element symbol.
    public var inducingByElement: [String: Int] = ["S": 500, "Au": 500]
    /// Expected misfit σ of a force component, eV/Å, by element symbol; a force is fitted with the weight 1/σ².
    public var forceNoise: [String: Double] = ["H": 0.03, "C": 0.03]
    /// Expected misfit of a force component of every element that is not listed in ``forceNoise``, eV/Å.
    public var defaultForceNoise = 0.05
    /// Expected misfit of an energy, eV per atom.
    public var energyNoise = 0.002
    /// Candidates for the prior standard deviation of an atom's energy, eV, which are compared on the validation
    /// frames. A small value gives a smoother energy with smaller errors outside the data. Without validation frames,
    /// the first candidate is used.
    public var priors: [Double] = [2, 1, 3, 10]
    /// Whether to fit again after the choice of the prior, with the validation frames among the training frames.
    public var refitsOnAllFrames = true

    public init() {}

    func descriptor(of element: Element) -> SOAPSettings { descriptors[element.symbol] ?? descriptor }
    func inducingCount(of element: Element) -> Int { inducingByElement[element.symbol] ?? inducing }
    func forceNoise(of element: Element) -> Double { forceNoise[element.symbol] ?? defaultForceNoise }
}

/// Settings of GPAW under `gpaw:` in a stage, beyond those that every stage has.
///
/// Keys and values are GPAW's own if GPAW has the setting. Energies are in eV, magnetic moments in μB.
public struct GPAWSettings: Sendable, Equatable, Codable {
    /// The ways in which a job gives the spin of a spin-polarised calculation.
    public enum Spin: Sendable, Equatable, Codable {
        /// 2S + 1. The total moment is kept unless `occupations.fixedMoment` is false.
        case multiplicity(Int)
        /// Initial moment of each atom, μB.
        case moments([Double])
        /// Initial moment of each atom of an element, μB; 0 for the other elements.
        case elementMoments([String: Double])
        /// Moments of free atoms by Hund's rule.
        case hund
    }

    /// Smearing of the occupation numbers.
    public struct Occupations: Sendable, Equatable, Codable {
        public enum Kind: String, Sendable, Codable, CaseIterable {
            case fermiDirac = "fermi-dirac"
            case marzariVanderbilt = "marzari-vanderbilt"
            case methfesselPaxton = "methfessel-paxton"
        }

        public var kind: Kind = .fermiDirac
        /// Width, eV. Nil means the stage's `smearing`.
        public var width: Double?
        /// Order of a Methfessel–Paxton smearing.
        public var order: Int?
        /// Whether the total magnetic moment is kept. Nil means that it is kept only if the job gives a multiplicity.
        public var fixedMoment: Bool?

        public init() {}
    }

    public struct Mixer: Sendable, Equatable, Codable {
        public var backend: String?
        public var method: String?
        public var beta: Double?
        public var nmaxold: Int?
        public var weight: Double?
    }

    public struct Eigensolver: Sendable, Equatable, Codable {
        public var name: String
        public var niter: Int?
    }

    public struct Convergence: Sendable, Equatable, Codable {
        public var energy: Double?
        public var density: Double?
        public var eigenstates: Double?
        public var forces: Double?
        public var bands: Int?
    }

    public struct PoissonSolver: Sendable, Equatable, Codable {
        public var name: String?
        public var nn: Int?
        public var eps: Double?
        public var dipolelayer: String?

        public init() {}
    }

    public struct Parallel: Sendable, Equatable, Codable {
        public var domain: Int?
        public var band: Int?
        public var kpt: Int?
        public var augmentGrids: Bool?
        public var slAuto: Bool?

        enum CodingKeys: String, CodingKey {
            case domain, band, kpt
            case augmentGrids = "augment_grids"
            case slAuto = "sl_auto"
        }
    }

    /// The mesh of k-points of a periodic structure.
    public struct KPoints: Sendable, Equatable, Codable {
        /// Points along each direction (a Monkhorst–Pack mesh). Nil means that ``density`` determines them.
        public var size: [Int]?
        /// Smallest number of points per 1/Å along each direction.
        public var density: Double?
        /// Whether a mesh that is given by its density contains Γ.
        public var gamma: Bool?

        /// The mesh of a periodic structure if the job gives none.
        public static let standard = KPoints(density: 2.5)

        public init(size: [Int]) { self.size = size }
        public init(density: Double, gamma: Bool = true) { (self.density, self.gamma) = (density, gamma) }
    }

    public enum Dispersion: String, Sendable, Codable, CaseIterable {
        case d3 = "D3"
        case d4 = "D4"
    }

    public var spin: Spin?
    public var occupations: Occupations?
    /// Number of bands: `120`, `-10` (ten more than the occupied bands), `150%` (of the occupied bands) or `nao`.
    public var nbands: String?
    public var mixer: Mixer?
    public var eigensolver: Eigensolver?
    public var maxiter: Int?
    public var convergence: Convergence?
    public var poissonsolver: PoissonSolver?
    /// Names of PAW data sets by element symbol; the key `default` is for the other elements.
    public var setups: [String: String]?
    /// Whether GPAW uses the point group of the structure. Nil means that it does not.
    public var symmetry: Bool?
    public var parallel: Parallel?
    public var dispersion: Dispersion?
    /// The mesh of k-points. Nil means ``KPoints/standard`` for a periodic structure.
    public var kpts: KPoints?

    public init() {}
}

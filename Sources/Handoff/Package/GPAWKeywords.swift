import Atomistics
public import JobSpec

/// Keyword arguments for GPAW from a job's `gpaw:`, with GPAW's own names as keys.
public struct GPAWKeywords: Sendable, Equatable, Codable {
    public struct Occupations: Sendable, Equatable, Codable {
        public var name: String
        /// Width of the smearing, eV.
        public var width: Double
        public var order: Int?
    }

    /// The number of bands: a number, or a text in GPAW's notation.
    public enum Bands: Sendable, Equatable, Codable {
        case number(Int)
        case word(String)

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .word(try container.decode(String.self))
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .word(let word): try container.encode(word)
            }
        }
    }

    public var occupations: Occupations?
    public var nbands: Bands?
    public var mixer: GPAWSettings.Mixer?
    public var eigensolver: GPAWSettings.Eigensolver?
    public var convergence: GPAWSettings.Convergence?
    public var poissonsolver: GPAWSettings.PoissonSolver?
    public var setups: [String: String]?
    public var symmetry: String?
    public var parallel: GPAWSettings.Parallel?

    /// - Returns: nil if there are no keywords to pass.
    init?(_ stage: DFTStage, _ periodicity: Periodicity) {
        let settings = stage.gpaw ?? GPAWSettings()
        occupations = settings.occupations.map {
            Occupations(
                name: $0.kind.rawValue, width: $0.width ?? stage.smearing,
                order: $0.kind == .methfesselPaxton ? $0.order ?? 0 : nil)
        }
        nbands = settings.nbands.map { text in Int(text).map(Bands.number) ?? .word(text) }
        (mixer, eigensolver) = (settings.mixer, settings.eigensolver)
        (convergence, poissonsolver) = (settings.convergence, settings.poissonsolver)
        (setups, parallel) = (settings.setups, settings.parallel)
        symmetry = settings.symmetry.map { $0 ? "on" : "off" }
        if let plane = stage.dipoleLayer(periodicity), plane != "none" {
            poissonsolver = poissonsolver ?? GPAWSettings.PoissonSolver()
            poissonsolver?.dipolelayer = plane
        } else {
            poissonsolver?.dipolelayer = nil
            if poissonsolver == GPAWSettings.PoissonSolver() { poissonsolver = nil }
        }
        guard self != Self() else { return nil }
    }

    private init() {}
}

/// The spin of a calculation with GPAW.
public struct GPAWSpin: Sendable, Equatable, Codable {
    /// 2S + 1; nil if the moments are given, or found by Hund's rule.
    public var multiplicity: Int?
    /// Initial moment of each atom, μB; nil to use Hund's rule.
    public var moments: [Double]?
    /// Whether the total moment is fixed at the sum of the initial moments.
    public var fixed: Bool
    /// Whether the spin is assumed, because the job gives none and the number of electrons is odd.
    public var assumed: Bool

    /// - Returns: nil for a spin-paired calculation.
    init?(_ stage: DFTStage, _ elements: [Element], isPeriodic: Bool, charge: Int) {
        let electrons = elements.reduce(-charge) { $0 + $1.atomicNumber }
        guard let spin = stage.spin(electrons: electrons, isPeriodic: isPeriodic) else { return nil }
        assumed = stage.gpaw?.spin == nil
        let fixed = stage.gpaw?.occupations?.fixedMoment
        switch spin {
        case .multiplicity(let multiplicity):
            self.multiplicity = multiplicity
            moments = elements.map { _ in Double(multiplicity - 1) / Double(elements.count) }
            self.fixed = fixed ?? true
        case .moments(let moments):
            self.moments = moments
            self.fixed = fixed ?? false
        case .elementMoments(let moments):
            self.moments = elements.map { moments[$0.symbol] ?? 0 }
            self.fixed = fixed ?? false
        case .hund:
            self.fixed = fixed ?? false
        }
    }
}

extension HandoffParameters.GPAW {
    /// Returns the part of the level of theory that follows the engine's version. Returns nil if the job's settings
    /// leave it at the default.
    static func level(_ stage: DFTStage, spin: GPAWSpin?, _ periodicity: Periodicity) -> String? {
        let settings = stage.gpaw
        let occupations = settings?.occupations
        let isSmearingOther = occupations.map { $0.kind != .fermiDirac || $0.width != nil } ?? false
        let kpts = stage.kPoints(periodicity)
        guard
            kpts != nil || spin != nil || settings?.dispersion != nil || settings?.setups != nil
                || isSmearingOther
        else {
            return nil
        }
        let dispersion =
            switch settings?.dispersion {
            case .d3: "-D3(BJ)"
            case .d4: "-D4"
            case nil: ""
            }
        let setups = (settings?.setups ?? [:]).sorted { $0.key < $1.key }
            .map { " \($0.key == "default" ? "" : "\($0.key).")\($0.value)" }.joined()
        let kind =
            switch occupations?.kind {
            case .marzariVanderbilt: "MarzariVanderbilt"
            case .methfesselPaxton: "MethfesselPaxton-\(occupations?.order ?? 0)"
            case .fermiDirac, nil: "FermiDirac"
            }
        return " \(stage.xc)\(dispersion) \(method(stage))\(setups.isEmpty ? "" : " setups\(setups)") "
            + "\(kind) \(general(occupations?.width ?? stage.smearing))eV"
            + "\(spin == nil ? "" : " spin-polarised") "
            + (kpts.map { cell($0, stage, periodicity) } ?? "non-periodic")
    }

    /// Formats the settings of the cell: `kpts density=2.5 gamma periodic TTF dipole=xy`.
    private static func cell(
        _ kpts: GPAWSettings.KPoints, _ stage: DFTStage, _ periodicity: Periodicity
    ) -> String {
        let mesh =
            kpts.size.map { $0.map(String.init).joined(separator: "x") }
            ?? "density=\(general(kpts.density ?? 0))\(kpts.gamma == true ? " gamma" : "")"
        return "kpts \(mesh) periodic \(periodicity.text)"
            + (stage.dipoleLayer(periodicity).map { " dipole=\($0)" } ?? "")
    }

    private static func method(_ stage: DFTStage) -> String {
        switch stage.mode {
        case .lcao: "LCAO \(stage.basis) h=\(general(stage.h))A"
        case .fd: "FD h=\(general(stage.h))A"
        case .pw: "PW \(general(stage.cutoff))eV"
        }
    }
}

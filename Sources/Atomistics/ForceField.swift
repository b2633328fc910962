/// What gives forces on a structure: the one thing that an optimiser knows of a model.
///
/// Conformances are values or final classes that may be shared by threads; an evaluation changes nothing
/// that a later one can see.
public protocol ForceField: Sendable {
    /// Who predicts: written into every file that carries a prediction.
    var provenance: ForceFieldProvenance { get }

    /// Whether its predictions have an energy: whether an optimiser can know that it goes uphill.
    var hasEnergy: Bool { get }

    /// Forces on every atom of `atoms`.
    ///
    /// - Throws: ``ForceFieldError`` where the structure is outside what the model can be asked at all
    ///   (an element it was never shown, a periodic cell it cannot treat). Doubt about single atoms is
    ///   not an error: it is in the prediction.
    func predict(_ atoms: Atoms) throws -> ForcePrediction

    /// The same for a structure that was reached by a step from another one: what is ambiguous, as an atom's
    /// class at a border between two, may stay as it was in `previous`.
    ///
    /// - Parameters:
    ///   - atoms: the structure.
    ///   - previous: the prediction for the structure before, of as many atoms; nil for the first one.
    func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction

    /// ∂²E/∂r∂r at this geometry where the model has an energy: 3N×3N, row-major, eV/Å², symmetric,
    /// not made positive definite. Nil where it has none.
    func hessian(_ atoms: Atoms) throws -> [Double]?

    /// The same, which may take minutes.
    ///
    /// - Parameters:
    ///   - atoms: the structure.
    ///   - progress: told how much is done, of how much; what it throws ends the computation. It may be called from
    ///     any thread, by one at a time.
    func hessian(
        _ atoms: Atoms, progress: @Sendable (_ done: Int, _ of: Int) throws -> Void
    ) throws -> [Double]?
}

extension ForceField {
    public func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction {
        try predict(atoms)
    }

    public func hessian(_ atoms: Atoms) throws -> [Double]? { nil }

    public func hessian(
        _ atoms: Atoms, progress: @Sendable (_ done: Int, _ of: Int) throws -> Void
    ) throws -> [Double]? { try hessian(atoms) }
}

/// Which model made a prediction.
public struct ForceFieldProvenance: Sendable, Equatable, Codable {
    /// The name it is called by: `thiolate-gold-oamlm`.
    public var name: String
    /// The kind of model: `oamlm`, `soap-potential`, `vector-kernel`.
    public var kind: String
    /// SHA-256 of the model file's content, hexadecimal: its version, for good.
    public var version: String
    /// The level of theory of the data it learnt from, verbatim.
    public var levelOfTheory: String

    public init(name: String, kind: String, version: String, levelOfTheory: String) {
        self.name = name
        self.kind = kind
        self.version = version
        self.levelOfTheory = levelOfTheory
    }
}

/// One evaluation of a force field.
public struct ForcePrediction: Sendable {
    /// Predicted forces, eV/Å, one an atom.
    public var forces: [SIMD3<Double>]
    /// Predicted energy, eV; nil for a model that has none.
    public var energy: Double?
    /// Expected error of the energy, eV; nil where there is no energy or the model cannot say.
    public var energyUncertainty: Double?
    /// Expected error of each atom's force vector (its norm), eV/Å; nil where the model cannot say.
    public var uncertainty: [Double]?
    /// The class by which each atom was treated: `core-gold`, `unit-gold`, `half-unit-gold`, `S`, `C`, `H`
    /// for the learning machines, the element symbol elsewhere.
    public var classes: [String]
    /// True for each atom whose surroundings the training data does not cover.
    public var outOfDomain: [Bool]
    /// What a person should know about this prediction, each once.
    public var warnings: [String]
    /// Other signs of doubt by name, one value an atom, of no unit: for the evaluation of models. They are
    /// not kept with trajectories.
    public var indicators: [String: [Double]] = [:]

    public init(
        forces: [SIMD3<Double>], energy: Double? = nil, energyUncertainty: Double? = nil,
        uncertainty: [Double]? = nil,
        classes: [String], outOfDomain: [Bool], warnings: [String] = []
    ) {
        self.forces = forces
        self.energy = energy
        self.energyUncertainty = energyUncertainty
        self.uncertainty = uncertainty
        self.classes = classes
        self.outOfDomain = outOfDomain
        self.warnings = warnings
    }
}

/// Why a force field refuses a structure.
public enum ForceFieldError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Elements that no training frame held, and those that some did.
    case unknownElements([Element], known: [Element])
    /// The model treats molecules only.
    case periodic
    /// Two atoms at one place (0-based indices), or a coordinate that is no number.
    case coincidentAtoms(Int, Int)
    case notFinite(atom: Int)
    /// A class of atom that the model was not trained for.
    case unknownClass(String, atom: Int)

    public var description: String {
        switch self {
        case .unknownElements(let elements, let known):
            "the model was not trained for \(elements.map(\.symbol).joined(separator: ", ")); "
                + "it knows \(known.map(\.symbol).joined(separator: ", "))"
        case .periodic: "the model treats molecules in empty space only; remove the cell or set pbc=\"F F F\""
        case .coincidentAtoms(let i, let j): "atoms \(i) and \(j) are at the same place"
        case .notFinite(let atom): "atom \(atom) has a coordinate that is not a number"
        case .unknownClass(let name, let atom):
            "atom \(atom) is \(name), a class of which the training data held too few"
        }
    }
}

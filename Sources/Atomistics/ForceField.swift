/// A model that predicts forces on a structure. Optimisers know models only through this protocol.
///
/// Conforming types are values or final classes that threads may share; an evaluation has no side
/// effect on later ones.
public protocol ForceField: Sendable {
    /// The model's identity, which is written into every file with a prediction.
    var provenance: ForceFieldProvenance { get }

    /// Whether predictions include an energy, so that an optimiser can tell when a step goes
    /// uphill.
    var hasEnergy: Bool { get }

    /// Predicts the forces on every atom of `atoms`.
    ///
    /// - Throws: ``ForceFieldError`` if the model cannot treat the structure at all (an element
    ///   missing from its training data, a periodic cell it does not support). Uncertainty about
    ///   single atoms is not an error; the prediction reports it.
    func predict(_ atoms: Atoms) throws -> ForcePrediction

    /// Predicts the forces on a structure that one step has made from another one. Ambiguous properties, such as the
    /// class of an atom at a border between two classes, may stay as in `previous`.
    ///
    /// - Parameters:
    ///   - atoms: the structure.
    ///   - previous: the prediction for the previous structure, with as many atoms; nil for the
    ///     first one.
    func predict(_ atoms: Atoms, following previous: ForcePrediction?) throws -> ForcePrediction

    /// Returns ∂²E/∂r∂r at this geometry: 3N×3N, row-major, eV/Å², symmetric, not made positive
    /// definite. Returns nil if the model has no energy.
    func hessian(_ atoms: Atoms) throws -> [Double]?

    /// Returns the Hessian and reports progress; this may take minutes.
    ///
    /// - Parameters:
    ///   - atoms: the structure.
    ///   - progress: called with the number of finished parts and the total number of parts; if it
    ///     throws, the computation ends. It may be called from any thread, by one thread at a time.
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

/// The identity of the model that made a prediction.
public struct ForceFieldProvenance: Sendable, Equatable, Codable {
    /// The model's name: `thiolate-gold-oamlm`.
    public var name: String
    /// The kind of model: `oamlm`, `soap-potential`, `vector-kernel`.
    public var kind: String
    /// SHA-256 of the model file's content, hexadecimal: the model's version.
    public var version: String
    /// The level of theory of the training data, verbatim.
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
    /// Predicted forces, eV/Å, one per atom.
    public var forces: [SIMD3<Double>]
    /// Predicted energy, eV; nil if the model has none.
    public var energy: Double?
    /// Expected error of the energy, eV; nil if the model cannot estimate it.
    public var energyUncertainty: Double?
    /// Expected error of each atom's force vector (its norm), eV/Å; nil if the model cannot
    /// estimate it.
    public var uncertainty: [Double]?
    /// The class of each atom. For the minimal learning machines it is `core-gold`, `unit-gold`, `half-unit-gold`, `S`,
    /// `C` or `H`, for other models the element symbol.
    public var classes: [String]
    /// True for each atom whose environment is out of domain.
    public var outOfDomain: [Bool]
    /// Warnings for the user about this prediction, each once.
    public var warnings: [String]
    /// Other dimensionless measures of uncertainty by name, with one value per atom. They are used to evaluate models
    /// and not saved in trajectories.
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

/// The reason why a force field refuses a structure.
public enum ForceFieldError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The structure has the first elements, which are absent from the training data; `known` are the elements that the
    /// training data has.
    case unknownElements([Element], known: [Element])
    /// The structure is periodic, and the model supports only molecules.
    case periodic
    /// Two atoms (0-based indices) are at the same position.
    case coincidentAtoms(Int, Int)
    /// A coordinate of this atom (0-based index) is not a number.
    case notFinite(atom: Int)
    /// The model was not trained for this class of atom, which the atom has.
    case unknownClass(String, atom: Int)

    public var description: String {
        switch self {
        case .unknownElements(let elements, let known):
            "the model was not trained for \(elements.map(\.symbol).joined(separator: ", ")), only for "
                + known.map(\.symbol).joined(separator: ", ")
        case .periodic:
            "this kind of model supports only molecules; a slab needs a SOAP potential, an engine or a dft stage"
        case .coincidentAtoms(let i, let j): "atoms \(i) and \(j) are at the same position"
        case .notFinite(let atom): "atom \(atom) has a coordinate that is not a number"
        case .unknownClass(let name, let atom):
            "atom \(atom) belongs to the class \(name), which has too few atoms in the training data"
        }
    }
}

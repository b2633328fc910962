public import Atomistics
import Descriptors
import LinearAlgebra
import MinimalLearning
public import ModelFile

/// The paper's force field: for each atom class an EMLM for the force's norm and an OAMLM for its
/// direction.
///
///     F_i = max(0, f(x_i)) v̂(x_i)
///
/// There is no energy; forces neither sum to zero nor follow from a potential.
///
/// - Source: arXiv:2203.09788.
public struct OAMLMForceField: ForceField {
    public static let kind = "oamlm"

    public let provenance: ForceFieldProvenance
    public private(set) var options: OAMLMOptions
    private let header: OAMLMHeader
    private let soap: SOAP
    private let models: [AtomClass: ClassModel]

    /// - Throws: ``ModelFileError``, and the descriptor's errors.
    public init(_ file: ModelFile) throws {
        guard file.kind == Self.kind else {
            throw ModelFileError.wrongKind(path: file.path, found: file.kind, expected: Self.kind)
        }
        header = try file.header(as: OAMLMHeader.self)
        options = header.options
        soap = try options.soap.descriptor()
        var models: [AtomClass: ClassModel] = [:]
        for entry in header.classes {
            models[entry.atomClass] = try ClassModel(
                file, entry, options, features: soap.featureCount)
        }
        self.models = models
        provenance = ForceFieldProvenance(
            name: file.name, kind: Self.kind, version: file.version,
            levelOfTheory: header.levelOfTheory)
    }

    /// The same model with directions found in another way; expected errors stay as they were calibrated.
    public func solving(_ direction: DirectionSolver, sigma2: Double? = nil) -> OAMLMForceField {
        var copy = self
        for atomClass in AtomClass.allCases {
            copy.options.classes[atomClass] = ClassOptions(
                direction: direction, sigma2: sigma2 ?? options[atomClass].sigma2)
        }
        return copy
    }

    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        try predict(atoms, previous: nil).prediction
    }

    /// The same, with what the models say of each atom, and with hysteresis in the classes.
    ///
    /// - Parameter previous: the classification of the step before.
    public func predict(
        _ atoms: Atoms, previous: Classification?
    ) throws -> (prediction: ForcePrediction, atoms: [AtomPrediction], classes: Classification) {
        try check(atoms)
        let classes = Classification(atoms, options: options.classification, previous: previous)
        let byClass = Dictionary(grouping: 0..<atoms.count) { classes.classes[$0] }
        for (atomClass, members) in byClass where models[atomClass] == nil {
            throw ForceFieldError.unknownClass(atomClass.rawValue, atom: members[0])
        }
        let x = try soap.compute(atoms)
        let finder = EnvironmentFinder(atoms)
        var all = [AtomPrediction](repeating: AtomPrediction(), count: atoms.count)
        var doubtful = (stretched: 0, incomplete: 0)
        for atomClass in AtomClass.allCases {
            guard let members = byClass[atomClass], let model = models[atomClass] else { continue }
            let found = members.map {
                finder.environment(of: $0, atomClass, halfUnit: classes.halfUnit[$0])
            }
            doubtful.stretched += found.count { $0.stretched }
            doubtful.incomplete += zip(found, members).count {
                !$0.environment.isComplete && !classes.halfUnit[$1]
            }
            let predictions = model.predict(
                x.selectingRows(members), found.map(\.environment), options, options[atomClass])
            for (k, i) in members.enumerated() { all[i] = predictions[k] }
        }
        let forces = all.map { p in
            (options.clampNorm ? max(0, p.norm) : p.norm) * p.direction
        }
        let uncertainty = all.map(\.expectedError)
        var warnings: [String] = []
        func warn(_ count: Int, _ text: String) {
            if count > 0 { warnings.append("\(count) \(text)") }
        }
        warn(doubtful.stretched, "atoms have a bond that is too long to be one")
        warn(doubtful.incomplete, "atoms lack neighbours that their class is aligned by")
        warn(all.count { $0.direction == .zero }, "atoms have no predicted direction: their force is zero")
        warn(all.count { $0.lowRank }, "atoms could not be aligned with any reference uniquely")
        warn(
            classes.ambiguousUnits, "gold atoms bind to two sulfur atoms and to gold: taken as unit gold")
        let prediction = ForcePrediction(
            forces: forces,
            uncertainty: uncertainty.contains { $0 == nil } ? nil : uncertainty.map { $0 ?? 0 },
            classes: (0..<atoms.count).map(classes.name), outOfDomain: all.map(\.outOfDomain),
            warnings: warnings)
        return (prediction, all, classes)
    }

    private func check(_ atoms: Atoms) throws(ForceFieldError) {
        if atoms.periodicity.isPeriodic { throw .periodic }
        let known: [Element] = [.hydrogen, .carbon, .sulfur, .gold].filter(soap.species.contains)
        let unknown = Set(atoms.elements).subtracting(known)
        guard unknown.isEmpty else { throw .unknownElements(unknown.sorted(), known: known) }
        if let bad = atoms.positions.firstIndex(where: { !$0.sum().isFinite }) {
            throw .notFinite(atom: bad)
        }
        if let (i, j) = coincidentAtoms(atoms) { throw .coincidentAtoms(i, j) }
    }
}

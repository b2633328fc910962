import Atomistics
import Descriptors
import LinearAlgebra
import MinimalLearning

/// The input of the class models for a structure: each atom's class, descriptor and environment.
struct Surroundings {
    let classes: Classification
    /// The atoms of each class, in the order of the classes.
    let members: [(atomClass: AtomClass, atoms: [Int])]
    /// Descriptors of all atoms, N×F, not scaled.
    let descriptors: Matrix
    let environments: [Environment]
    /// True for each atom that is closer to another atom than any two atoms of these elements in the training frames.
    let tooClose: [Bool]
    private let stretched: Int
    private let incomplete: Int

    /// - Parameters:
    ///   - known: classes that have a model.
    ///   - shortest: shortest distances in the training frames; nil if the model does not have
    ///     them.
    ///   - previous: the prediction for the previous step. Nil means that there is no previous step, and no hysteresis.
    /// - Throws: ``ForceFieldError``, and errors of the descriptor.
    init(
        of atoms: Atoms, _ soap: SOAP, _ options: EnvironmentOptions, known: Set<AtomClass>,
        shortest: PairDistances?, following previous: ForcePrediction?
    ) throws {
        try Self.check(atoms, soap)
        let classes = Classification(
            atoms, options: options.classification,
            previous: previous.flatMap { Self.classes(of: $0, in: atoms) })
        if let i = classes.classes.firstIndex(where: { !known.contains($0) }) {
            throw ForceFieldError.unknownClass(classes.classes[i].rawValue, atom: i)
        }
        let finder = EnvironmentFinder(atoms)
        let found = (0..<atoms.count).map {
            finder.environment(of: $0, classes.classes[$0], halfUnit: classes.halfUnit[$0])
        }
        let byClass = Dictionary(grouping: 0..<atoms.count) { classes.classes[$0] }
        members = AtomClass.allCases.compactMap { c in byClass[c].map { (c, $0) } }
        descriptors = try soap.compute(atoms)
        environments = found.map(\.environment)
        stretched = found.count { $0.stretched }
        incomplete = found.indices.count {
            !found[$0].environment.isComplete && !classes.halfUnit[$0]
        }
        var tooClose = [Bool](repeating: false, count: atoms.count)
        try shortest?.scaled(by: PairDistances.trustedFraction).forEachCloserPair(in: atoms) {
            i, j, _, _, _ in
            (tooClose[i], tooClose[j]) = (true, true)
        }
        self.tooClose = tooClose
        self.classes = classes
    }

    /// Returns the classes that a prediction for these atoms names; nil if the prediction is not from a model with
    /// these classes.
    private static func classes(of prediction: ForcePrediction, in atoms: Atoms) -> [AtomClass]? {
        let classes = prediction.classes.compactMap(AtomClass.init(named:))
        return classes.count == atoms.count ? classes : nil
    }

    private static func check(_ atoms: Atoms, _ soap: SOAP) throws(ForceFieldError) {
        if atoms.periodicity.isPeriodic { throw .periodic }
        let known = classifiable.filter(soap.species.contains)
        let unknown = Set(atoms.elements).subtracting(known)
        guard unknown.isEmpty else { throw .unknownElements(unknown.sorted(), known: known) }
        if let bad = atoms.positions.firstIndex(where: { !$0.sum().isFinite }) {
            throw .notFinite(atom: bad)
        }
        if let (i, j) = coincidentAtoms(atoms) { throw .coincidentAtoms(i, j) }
    }

    /// Returns warnings for the user about this structure and its prediction.
    func warnings(outOfDomain: Int, directionless: Int, lowRank: Int) -> [String] {
        func warning(_ count: Int, _ one: String, _ several: String, _ rest: String) -> String? {
            count > 0 ? "\(count) \(count == 1 ? one : several) \(rest)" : nil
        }
        return [
            warning(outOfDomain, "atom is", "atoms are", "out of the model's domain"),
            warning(
                tooClose.count { $0 }, "atom is", "atoms are",
                "closer to another atom than any two such atoms in the training frames"),
            warning(stretched, "atom has", "atoms have", "a stretched bond that may be broken"),
            warning(
                incomplete, "atom lacks", "atoms lack",
                "neighbours that atoms of their class have in the data"),
            warning(
                directionless, "atom has", "atoms have", "no predicted direction: the force is set to zero"),
            warning(
                lowRank, "atom has", "atoms have",
                "too few neighbours to define an orientation: the direction of the force is uncertain"),
            warning(
                classes.ambiguousUnits, "gold atom binds", "gold atoms bind",
                "to two sulfur atoms and to gold: treated as unit gold"),
        ].compactMap { $0 }
    }
}

/// The elements whose atoms have an ``AtomClass``.
let classifiable: [Element] = [.hydrogen, .carbon, .sulfur, .gold]

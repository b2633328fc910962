public import Atomistics

/// The five kinds of atom that have a model each.
public enum AtomClass: String, Sendable, Codable, CaseIterable, CodingKeyRepresentable {
    case coreGold = "core-gold"
    case unitGold = "unit-gold"
    case sulfur = "S"
    case carbon = "C"
    case hydrogen = "H"

    /// The class that a prediction names, half units among unit gold; nil for none of these.
    init?(named name: String) {
        self.init(rawValue: name == Classification.halfUnitName ? Self.unitGold.rawValue : name)
    }
}

/// Which class each atom belongs to.
///
/// S, C and H go by element. Gold, by its sulfur atoms (n_S) and other gold atoms (n_Au) within
/// `bondLength`, inclusive: unit gold where n_S ≥ 2, or n_S = 1 and n_Au = 0 (a *half unit*, a bond that
/// breaks or forms); else core gold.
///
/// - Source: section III.C of the paper; n_S ≥ 2 is our reading of "two Au–S bonds".
public struct Classification: Sendable, Equatable {
    public let classes: [AtomClass]
    /// Unit gold atoms with one sulfur only.
    public let halfUnit: [Bool]
    /// Unit gold atoms that have gold within the bond length too: the rule is weakest there.
    public let ambiguousUnits: Int

    public struct Options: Sendable, Equatable, Codable {
        /// Å.
        public var bondLength: Double
        /// Å; where it exceeds `bondLength`, a sulfur or gold atom counts up to here for an atom whose
        /// previous class it supports: classes do not flip at one distance.
        public var releaseLength: Double

        public init(bondLength: Double = 3, releaseLength: Double = 3) {
            self.bondLength = bondLength
            self.releaseLength = releaseLength
        }
    }

    /// - Parameters:
    ///   - atoms: of H, C, S and Au.
    ///   - options: where bonds end.
    ///   - previous: the classes at the step before, for hysteresis; nil for none.
    /// - Precondition: the structure holds H, C, S and Au only.
    public init(_ atoms: Atoms, options: Options = Options(), previous: [AtomClass]? = nil) {
        precondition(previous.map { $0.count == atoms.count } ?? true, "a class for every atom")
        var classes: [AtomClass] = []
        var halfUnit = [Bool](repeating: false, count: atoms.count)
        var ambiguous = 0
        for i in 0..<atoms.count {
            switch atoms.elements[i] {
            case .sulfur: classes.append(.sulfur)
            case .carbon: classes.append(.carbon)
            case .hydrogen: classes.append(.hydrogen)
            default:
                precondition(atoms.elements[i] == .gold, "H, C, S and Au only")
                var (sulfur, gold) = (0, 0)
                // A unit keeps its sulfur longer; a core atom keeps its gold longer.
                let wasUnit = previous.map { $0[i] == .unitGold }
                let sulfurLimit = wasUnit == true ? options.releaseLength : options.bondLength
                let goldLimit = wasUnit == false ? options.releaseLength : options.bondLength
                for j in 0..<atoms.count where j != i {
                    let squared = (atoms.positions[j] - atoms.positions[i]).squaredLength
                    switch atoms.elements[j] {
                    case .sulfur: if squared <= sulfurLimit * sulfurLimit { sulfur += 1 }
                    case .gold: if squared <= goldLimit * goldLimit { gold += 1 }
                    default: break
                    }
                }
                halfUnit[i] = sulfur == 1 && gold == 0
                classes.append(sulfur >= 2 || halfUnit[i] ? .unitGold : .coreGold)
                if sulfur >= 2, gold >= 1 { ambiguous += 1 }
            }
        }
        self.classes = classes
        self.halfUnit = halfUnit
        ambiguousUnits = ambiguous
    }

    /// What a report calls atom i's class.
    public func name(_ i: Int) -> String {
        halfUnit[i] ? Self.halfUnitName : classes[i].rawValue
    }

    static let halfUnitName = "half-unit-gold"
}

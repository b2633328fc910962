public import Atomistics

/// The five kinds of atoms; each has its own model.
public enum AtomClass: String, Sendable, Codable, CaseIterable, CodingKeyRepresentable {
    case coreGold = "core-gold"
    case unitGold = "unit-gold"
    case sulfur = "S"
    case carbon = "C"
    case hydrogen = "H"

    /// Returns the class for a name in a prediction, with half units counted as unit gold; nil for other names.
    init?(named name: String) {
        self.init(rawValue: name == Classification.halfUnitName ? Self.unitGold.rawValue : name)
    }
}

/// The classes of all atoms.
///
/// The classes S, C and H follow from the element. The class of a gold atom follows from the numbers of sulfur atoms
/// (n_S) and of other gold atoms (n_Au) within `bondLength` of it, inclusive: unit gold if n_S ≥ 2, or if n_S = 1 and
/// n_Au = 0 (a *half unit*, a bond that breaks or forms); otherwise core gold.
///
/// - Source: section III.C of the paper; n_S ≥ 2 is our reading of "two Au–S bonds".
public struct Classification: Sendable, Equatable {
    public let classes: [AtomClass]
    /// True for each unit gold atom with only one sulfur.
    public let halfUnit: [Bool]
    /// Number of unit gold atoms that also have gold within the bond length; the rule is least certain for them.
    public let ambiguousUnits: Int

    public struct Options: Sendable, Equatable, Codable {
        /// Largest length of an Au–S or Au–Au bond, Å.
        public var bondLength: Double
        /// Distance up to which a sulfur or gold atom counts if that keeps an atom in its previous class, Å. With a
        /// value above `bondLength`, classes do not flip back and forth at one distance.
        public var releaseLength: Double

        public init(bondLength: Double = 3, releaseLength: Double = 3) {
            self.bondLength = bondLength
            self.releaseLength = releaseLength
        }
    }

    /// - Parameters:
    ///   - atoms: a structure of H, C, S and Au.
    ///   - options: bond lengths.
    ///   - previous: the classes at the previous step. Nil means that there is no previous step, and no hysteresis.
    /// - Precondition: the structure has no elements other than H, C, S and Au.
    public init(_ atoms: Atoms, options: Options = Options(), previous: [AtomClass]? = nil) {
        precondition(previous.map { $0.count == atoms.count } ?? true, "one class per atom")
        var classes: [AtomClass] = []
        var halfUnit = [Bool](repeating: false, count: atoms.count)
        var ambiguous = 0
        for i in 0..<atoms.count {
            switch atoms.elements[i] {
            case .sulfur: classes.append(.sulfur)
            case .carbon: classes.append(.carbon)
            case .hydrogen: classes.append(.hydrogen)
            default:
                precondition(atoms.elements[i] == .gold, "only H, C, S and Au have classes")
                var (sulfur, gold) = (0, 0)
                // For an atom that was unit gold, sulfur counts up to the longer distance; for an atom that was core
                // gold, gold does.
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

    /// Returns the name of atom i's class in reports.
    public func name(_ i: Int) -> String {
        halfUnit[i] ? Self.halfUnitName : classes[i].rawValue
    }

    static let halfUnitName = "half-unit-gold"
}

import Atomistics
import OrderedCollections

/// A statement in a structure file that the job does not follow.
struct StructureStatement {
    let code: String
    /// The key of the job file that the statement concerns.
    let key: String
    let message: String
    var hint: String?
    var isError = false
}

/// The structure file's statements about charge, spin, units and constraints. Only the statements that the
/// job does not follow are reported.
struct StructureStatements {
    private let atoms: Atoms

    init(_ atoms: Atoms) { self.atoms = atoms }

    /// - Parameters:
    ///   - charge: the job's charge, e.
    ///   - isStated: whether the job file itself gives the charge; a different charge in the structure is then
    ///     not an error.
    ///   - multiplicities: 2S + 1 of each external calculation; nil if its moments are given or found by
    ///     Hund's rule.
    func all(charge: Int, isStated: Bool, multiplicities: [Int?]) -> [StructureStatement] {
        [self.charge(charge, isStated: isStated)].compactMap { $0 }
            + (multiplicities.isEmpty ? [] : spin(multiplicities))
            + units() + constraints()
    }

    // MARK: Charge and spin

    private func charge(_ charge: Int, isStated: Bool) -> StructureStatement? {
        guard let (key, stated) = atoms.statedCharge, stated != Double(charge) else { return nil }
        let said = "the structure says that its charge (\(key)) is \(short(stated))"
        if isStated {
            return StructureStatement(
                code: "other-charge", key: "charge",
                message: "\(said), but the job says \(charge), which is used")
        }
        guard let whole = Int(exactly: stated) else {
            return StructureStatement(
                code: "other-charge", key: "charge", message: "\(said), which is not a whole number",
                hint: "give the job a charge: ‘charge: 0’", isError: true)
        }
        return StructureStatement(
            code: "other-charge", key: "charge", message: "\(said), but the job does not state a charge",
            hint: "‘charge: \(whole)’ in the job, or ‘charge: 0’ if it is neutral", isError: true)
    }

    private func spin(_ multiplicities: [Int?]) -> [StructureStatement] {
        var statements: [StructureStatement] = []
        /// - Parameter stated: 2S + 1 that the structure states.
        func unpaired(_ key: String, _ what: String, _ stated: Double) {
            let stated = Int(stated.magnitude.rounded())
            guard let other = multiplicities.compactMap({ $0 }).first(where: { $0 != stated }) else { return }
            let found =
                other == 1 ? "calculations are spin-paired" : "a calculation has the multiplicity \(other)"
            statements.append(
                StructureStatement(
                    code: "unpaired-spin", key: "structure",
                    message: "the structure says \(key)=\(what), but \(found)",
                    hint:
                        "‘gpaw: {spin: {multiplicity: \(stated)}}’ in the stage, or remove the key from the structure",
                    isError: true))
        }
        if let (key, value) = atoms.number(among: Atoms.multiplicityKeys), (1...1000).contains(value) {
            unpaired(key, short(value), value)
        }
        if let (key, value) = atoms.number(among: Atoms.unpairedKeys + ["magmom", "total_magmom"]),
            abs(value) > 0.01, abs(value) < 1000
        {
            unpaired(key, short(value), abs(value) + 1)
        }
        // The value 1 is ambiguous: some programs mean the multiplicity (a singlet), others one unpaired electron.
        if let (key, value) = atoms.number(among: ["spin"]), value != 0, value != 1, abs(value) < 1000 {
            unpaired(key, short(value), value)
        }
        for name in ["initial_magmoms", "magmoms"] where multiplicities.contains(1) {
            guard let moments = numbers(ofColumn: name),
                let atom = moments.firstIndex(where: { abs($0) > 0.01 })
            else { continue }
            statements.append(
                StructureStatement(
                    code: "unpaired-spin", key: "structure",
                    message:
                        "the structure gives atom \(atom) a magnetic moment (\(name)), but calculations are "
                        + "spin-paired", hint: "the moments have no effect"))
        }
        return statements
    }

    // MARK: Units and constraints

    private func units() -> [StructureStatement] {
        let keys = [
            "units", "unit", "length_unit", "length_units", "position_units", "positions_unit", "pos_unit",
        ]
        let angstrom = ["angstrom", "angstroms", "ångström", "ångstrom", "å", "å", "a", "ang"]
        for (key, value) in atoms.info where keys.contains(key.lowercased()) {
            guard case .string(let text) = value else { continue }
            let words = text.lowercased().split { !$0.isLetter }.map(String.init)
            guard !words.contains(where: angstrom.contains) else { continue }
            return [
                StructureStatement(
                    code: "other-units", key: "structure",
                    message:
                        "the structure says \(key)=\(String(text.prefix(40))), but positions are read in Å",
                    hint: "convert it to Å, or remove the key if it is in Å", isError: true)
            ]
        }
        guard case .string(let comment)? = atoms.info[Atoms.commentKey] else { return [] }
        let words = comment.lowercased().split { !$0.isLetter }.map(String.init)
        guard
            let unit = words.first(where: { ["bohr", "bohrs", "nanometer", "nanometers", "nm"].contains($0) })
        else {
            return []
        }
        return [
            StructureStatement(
                code: "other-units", key: "structure",
                message: "the structure's second line mentions \(unit), but positions are read in Å",
                hint: "convert the positions to Å if they are in this unit")
        ]
    }

    /// Finds columns with which other programs mark fixed atoms.
    private func constraints() -> [StructureStatement] {
        let names = [
            "fixed", "fix", "frozen", "freeze", "constraint", "constraints", "selective_dynamics", "movable",
            "fix_atoms", "fixed_atoms", "constrained", "move",
        ]
        return atoms.columns.keys.filter { names.contains($0.lowercased()) }.map { name in
            StructureStatement(
                code: "other-constraints", key: "structure",
                message: "the structure's column ‘\(name)’ has no effect",
                hint:
                    "‘move_mask:L:1’ (T: free to move) with ‘move: mask’, or a list of atoms under ‘move’, fixes atoms"
            )
        }
            + atoms.info.keys.filter { names.contains($0.lowercased()) }.map { name in
                StructureStatement(
                    code: "other-constraints", key: "structure",
                    message: "the structure's key ‘\(name)’ has no effect",
                    hint:
                        "‘move: mask’ with a column move_mask:L:1, or a list of atoms under ‘move’, fixes atoms"
                )
            }
    }

    // MARK: Values

    private func numbers(ofColumn name: String) -> [Double]? {
        switch atoms.columns[name]?.values {
        case .real(let values): values
        case .integer(let values): values.map(Double.init)
        default: nil
        }
    }

    private func short(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }
}

extension Atoms {
    fileprivate static let multiplicityKeys = ["multiplicity", "spin_multiplicity", "mult"]
    fileprivate static let unpairedKeys = ["uhf", "nunpaired", "n_unpaired", "unpaired_electrons"]

    fileprivate func number(among keys: [String]) -> (key: String, value: Double)? {
        for (key, value) in info where keys.contains(key.lowercased()) {
            if let number = value.double { return (key, number) }
        }
        return nil
    }

    /// The charge that the file states, e, under any of the names in use.
    package var statedCharge: (key: String, value: Double)? {
        number(among: ["charge", "total_charge", "net_charge", "tot_charge"])
    }

    /// 2S + 1 that the file states, directly or as the number of unpaired electrons.
    package var statedMultiplicity: (key: String, value: Double)? {
        number(among: Self.multiplicityKeys)
            ?? number(among: Self.unpairedKeys).map { ($0.key, $0.value.magnitude + 1) }
    }
}

import OrderedCollections

extension CommentLine {
    /// The columns that the line names; those of plain XYZ where it names none.
    func layout() throws(LineFault) -> ColumnLayout {
        guard let value = values["Properties"] else { return .plain }
        let offset = offsets["Properties"] ?? 0
        guard case .string(let text) = value else {
            throw LineFault("Properties is not text", at: offset)
        }
        return try ColumnLayout(text, at: offset)
    }

    /// A structure without atoms that has what the line says of the whole.
    func emptyFrame(_ options: ExtXYZReadOptions) throws(LineFault) -> Atoms {
        var atoms = Atoms(elements: [], positions: [])
        if let plainText {
            atoms.info[Atoms.commentKey] = .string(plainText)
            return atoms
        }
        var info = values
        info["Properties"] = nil
        if let value = info.removeValue(forKey: "Lattice") {
            let offset = offsets["Lattice"] ?? 0
            atoms.cell = try Self.cell(value, options.nestedLattice, at: offset)
            // A lattice without a word about its directions repeats in all of them.
            atoms.periodicity = .all
        }
        if let value = info.removeValue(forKey: "pbc") {
            guard case .booleans(let flags) = value, flags.count == 3 else {
                throw LineFault(
                    "pbc is not three logical values", at: offsets["pbc"], hint: "as in pbc=\"T T F\"")
            }
            atoms.periodicity = Periodicity(flags[0], flags[1], flags[2])
            if atoms.periodicity.isPeriodic, atoms.cell == nil {
                throw LineFault("pbc is true but there is no Lattice", at: offsets["pbc"])
            }
        }
        atoms.info = info
        return atoms
    }

    /// Nine numbers: three lattice vectors one after the other.
    private static func cell(
        _ value: InfoValue, _ nested: ExtXYZReadOptions.NestedLattice, at offset: Int
    ) throws(LineFault) -> Cell {
        let flat: [Double]
        switch value {
        case .reals(let numbers): flat = numbers
        case .integers(let numbers): flat = numbers.map(Double.init)
        case .realRows(let rows): flat = try unnest(rows, nested, at: offset)
        case .integerRows(let rows): flat = try unnest(rows.map { $0.map(Double.init) }, nested, at: offset)
        default: flat = []
        }
        guard flat.count == 9, flat.allSatisfy(\.isFinite) else {
            throw LineFault(
                "Lattice is not nine finite numbers", at: offset,
                hint: "three vectors in Å, one after the other: \"10 0 0 0 10 0 0 0 10\"")
        }
        return Cell(
            SIMD3(flat[0], flat[1], flat[2]), SIMD3(flat[3], flat[4], flat[5]),
            SIMD3(flat[6], flat[7], flat[8]))
    }

    private static func unnest(
        _ rows: [[Double]], _ nested: ExtXYZReadOptions.NestedLattice, at offset: Int
    ) throws(LineFault) -> [Double] {
        guard rows.count == 3, rows.allSatisfy({ $0.count == 3 }) else { return [] }
        let transposed = (0..<3).map { column in rows.map { $0[column] } }
        switch nested {
        case .vectorsAsRows: return rows.flatMap { $0 }
        case .vectorsAsColumns: return transposed.flatMap { $0 }
        case .refused:
            guard rows == transposed else {
                throw LineFault(
                    "a nested Lattice is read by some programs as rows, by others as columns",
                    at: offset, hint: "write it flat: \"ax ay az bx by bz cx cy cz\"")
            }
            return rows.flatMap { $0 }
        }
    }
}

extension Atoms {
    /// Where the comment of a plain XYZ file is kept.
    public static let commentKey = "comment"
}

import OrderedCollections

extension CommentLine {
    /// Returns the columns that the line declares, or the columns of plain XYZ if it declares none.
    func layout() throws(LineFault) -> ColumnLayout {
        guard let key = propertiesKey, let value = values[key] else { return .plain }
        let offset = offsets[key] ?? 0
        guard case .string(let text) = value else {
            throw LineFault("Properties is not text", at: offset)
        }
        return try ColumnLayout(text, at: offset)
    }

    /// The line's key `Properties`, in upper or lower case because the format's specification does not fix the case;
    /// nil if the line has none.
    private var propertiesKey: String? {
        values.keys.first { $0.lowercased() == "properties" && values[$0] != .bare }
    }

    /// Returns a structure without atoms that has the cell and the other values of the line.
    func emptyFrame(_ options: ExtXYZReadOptions) throws(LineFault) -> Atoms {
        var atoms = Atoms(elements: [], positions: [])
        if let plainText {
            atoms.info[Atoms.commentKey] = .string(plainText)
            return atoms
        }
        var info = values
        if let key = propertiesKey { info[key] = nil }
        if let value = info.removeValue(forKey: "Lattice") {
            let offset = offsets["Lattice"] ?? 0
            atoms.cell = try Self.cell(value, options.nestedLattice, at: offset)
            // A lattice without a `pbc` key is periodic in all directions.
            atoms.periodicity = .all
        }
        if let value = info.removeValue(forKey: "pbc") {
            guard let periodicity = Self.periodicity(value) else {
                throw LineFault(
                    "pbc does not have three logical values", at: offsets["pbc"], hint: "as in pbc=\"T T F\"")
            }
            atoms.periodicity = periodicity
            if atoms.periodicity.isPeriodic, atoms.cell == nil {
                throw LineFault("pbc is true but there is no Lattice", at: offsets["pbc"])
            }
        }
        atoms.info = info
        return atoms
    }

    /// Reads three logical values, or one value for all directions; 0 and 1 are logical values, too.
    private static func periodicity(_ value: InfoValue) -> Periodicity? {
        switch value {
        case .boolean(let flag): return Periodicity(flag, flag, flag)
        case .booleans(let flags) where flags.count == 3: return Periodicity(flags[0], flags[1], flags[2])
        case .integers(let flags) where flags.count == 3 && flags.allSatisfy { 0...1 ~= $0 }:
            return Periodicity(flags[0] == 1, flags[1] == 1, flags[2] == 1)
        default: return nil
        }
    }

    /// Reads nine numbers, which are three lattice vectors one after the other, or three numbers, which are the edges
    /// of a cuboid.
    private static func cell(
        _ value: InfoValue, _ nested: ExtXYZReadOptions.NestedLattice, at offset: Int
    ) throws(LineFault) -> Cell {
        var flat: [Double]
        switch value {
        case .reals(let numbers): flat = numbers
        case .integers(let numbers): flat = numbers.map(Double.init)
        case .realRows(let rows): flat = try unnest(rows, nested, at: offset)
        case .integerRows(let rows): flat = try unnest(rows.map { $0.map(Double.init) }, nested, at: offset)
        default: flat = []
        }
        if flat.count == 3 { flat = [flat[0], 0, 0, 0, flat[1], 0, 0, 0, flat[2]] }
        guard flat.count == 9, flat.allSatisfy(\.isFinite) else {
            throw LineFault(
                "Lattice does not have nine finite numbers", at: offset,
                hint: "write three vectors in Å, one after the other: \"10 0 0 0 10 0 0 0 10\"")
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
                    "some programs read a nested Lattice as rows, others as columns",
                    at: offset, hint: "write it flat: \"ax ay az bx by bz cx cy cz\"")
            }
            return rows.flatMap { $0 }
        }
    }
}

extension Atoms {
    /// The key in `info` for the comment of a plain XYZ file.
    public static let commentKey = "comment"
}

import OrderedCollections

/// The value of one key in the comment line of an extxyz file.
///
/// The four scalar types and their arrays are defined by the libAtoms extended XYZ specification; a 3×3 (or any N×M)
/// array is kept as rows.
public enum InfoValue: Sendable, Equatable {
    case integer(Int)
    case real(Double)
    case boolean(Bool)
    case string(String)
    case integers([Int])
    case reals([Double])
    case booleans([Bool])
    case strings([String])
    case integerRows([[Int]])
    case realRows([[Double]])
    case booleanRows([[Bool]])
    case stringRows([[String]])
    /// No value: the line has only the key.
    case bare

    /// The value as a real number; nil if it is not one number.
    public var double: Double? {
        switch self {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
}

/// One column group of an extxyz file: `name:type:width` in its `Properties`.
public struct Column: Sendable, Equatable {
    /// The values of all atoms in atom order, `width` values per atom, row-major.
    public enum Values: Sendable, Equatable {
        case integer([Int])
        case real([Double])
        case boolean([Bool])
        case string([String])
    }

    public let width: Int
    public var values: Values

    /// - Precondition: width ≥ 1 and the number of values is a multiple of it.
    public init(width: Int, values: Values) {
        precondition(width >= 1, "a column has at least one value per atom")
        self.width = width
        self.values = values
    }

    /// A real column of width 3.
    public init(vectors: [SIMD3<Double>]) {
        self.init(width: 3, values: .real(vectors.flatMap { [$0.x, $0.y, $0.z] }))
    }

    /// The rows of a real (or integer) column of width 3.
    public var vectors: [SIMD3<Double>]? {
        guard width == 3 else { return nil }
        let flat: [Double]
        switch values {
        case .real(let values): flat = values
        case .integer(let values): flat = values.map(Double.init)
        default: return nil
        }
        return stride(from: 0, to: flat.count, by: 3).map { [flat[$0], flat[$0 + 1], flat[$0 + 2]] }
    }

    /// The values of a boolean column. In a wider column, an atom's value is true if all its values are.
    public var booleans: [Bool]? {
        guard case .boolean(let values) = values else { return nil }
        guard width > 1 else { return values }
        return stride(from: 0, to: values.count, by: width).map { row in
            values[row..<row + width].allSatisfy { $0 }
        }
    }

    /// The values of a text column of width 1.
    public var strings: [String]? {
        guard width == 1, case .string(let values) = values else { return nil }
        return values
    }

    /// The values of a real column of width 1.
    public var reals: [Double]? {
        guard width == 1, case .real(let values) = values else { return nil }
        return values
    }
}

extension Atoms {
    /// The file's description of the method that computed energy and forces (key
    /// `level_of_theory`).
    public var levelOfTheory: String? {
        get { if case .string(let level)? = info["level_of_theory"] { level } else { nil } }
        set { info["level_of_theory"] = newValue.map(InfoValue.string) }
    }
}

/// A dense real matrix, row-major in one flat array: element (i, j) is `storage[i * columns + j]`.
///
/// Row-major order keeps the descriptor of one environment or one reference contiguous.
public struct Matrix: Sendable, Equatable {
    public let rows: Int
    public let columns: Int
    public var storage: [Double]

    /// - Precondition: `storage.count == rows * columns`.
    public init(rows: Int, columns: Int, storage: [Double]) {
        precondition(rows >= 0 && columns >= 0 && storage.count == rows * columns, "matrix shape")
        self.rows = rows
        self.columns = columns
        self.storage = storage
    }

    public init(rows: Int, columns: Int, repeating value: Double = 0) {
        self.init(
            rows: rows, columns: columns,
            storage: [Double](repeating: value, count: rows * columns))
    }

    /// Makes a matrix from its rows, which must all have the same length.
    public init(_ rows: [[Double]]) {
        let columns = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == columns }, "all rows have the same length")
        self.init(rows: rows.count, columns: columns, storage: rows.flatMap { $0 })
    }

    public static func identity(_ n: Int, scale: Double = 1) -> Matrix {
        var result = Matrix(rows: n, columns: n)
        for i in 0..<n { result[i, i] = scale }
        return result
    }

    @inlinable
    public subscript(i: Int, j: Int) -> Double {
        get { storage[i * columns + j] }
        set { storage[i * columns + j] = newValue }
    }

    /// Returns row i as a view into the storage.
    @inlinable
    public func row(_ i: Int) -> ArraySlice<Double> {
        storage[i * columns..<(i + 1) * columns]
    }

    public var transposed: Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for i in 0..<rows {
            for j in 0..<columns { result[j, i] = self[i, j] }
        }
        return result
    }

    /// Returns the rows at `indices`, in that order.
    public func selectingRows(_ indices: some Collection<Int>) -> Matrix {
        var picked: [Double] = []
        picked.reserveCapacity(indices.count * columns)
        for i in indices { picked.append(contentsOf: row(i)) }
        return Matrix(rows: indices.count, columns: columns, storage: picked)
    }
}

/// The header of a NumPy file, format version 1.0.
///
/// - Source: NEP 1, "A simple file format for NumPy arrays".
public enum NPY {
    /// - Parameters:
    ///   - type: the array's `descr` as Python writes it, `'<f8'`.
    ///   - shape: the array's shape as Python writes it, `(3, 4)`.
    public static func header(type: String, shape: String) -> [UInt8] {
        let text = "{'descr': \(type), 'fortran_order': False, 'shape': \(shape), }"
        // Magic, version and length take 10 bytes; the header ends in a newline on a multiple of 64.
        let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
        let header = text + String(repeating: " ", count: padding) + "\n"
        let length = UInt16(header.utf8.count)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + header.utf8
    }
}

extension Matrix {
    /// The matrix as the bytes of a NumPy file: `<f8`, C order, shape (rows, columns).
    public var npy: [UInt8] {
        var bytes = NPY.header(type: "'<f8'", shape: "(\(rows), \(columns))")
        bytes.reserveCapacity(bytes.count + storage.count * 8)
        for value in storage {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}

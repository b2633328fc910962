extension Matrix {
    /// The matrix as the bytes of a NumPy file, format version 1.0: `<f8`, C order, shape (rows, columns).
    ///
    /// - Source: NEP 1, "A simple file format for NumPy arrays".
    public var npy: [UInt8] {
        let shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
        // Magic, version and length take 10 bytes; the header ends in a newline on a multiple of 64.
        let padding = (64 - (10 + shape.utf8.count + 1) % 64) % 64
        let header = shape + String(repeating: " ", count: padding) + "\n"
        let length = UInt16(header.utf8.count)
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
        bytes.reserveCapacity(bytes.count + header.utf8.count + storage.count * 8)
        bytes += header.utf8
        for value in storage {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}

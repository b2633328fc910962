/// Why bytes are no checkpoint that can be gone on from.
public enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
    case notACheckpoint
    /// Written by another version of the format.
    case format(found: Int, supported: Int)
    /// It ends in the middle of a value, at this byte.
    case truncated(at: Int)
    case corrupt(String)
    /// Made with another model, or another version of it.
    case otherModel(found: String, given: String)

    public var description: String {
        switch self {
        case .notACheckpoint: "this is not a checkpoint of a relaxation"
        case .format(let found, let supported):
            "the checkpoint has format \(found), this program reads \(supported); start the relaxation anew"
        case .truncated(let offset): "the checkpoint ends at byte \(offset), in the middle of a value"
        case .corrupt(let what): "the checkpoint holds \(what)"
        case .otherModel(let found, let given):
            "the checkpoint is of a relaxation with \(found), not with \(given)"
        }
    }
}

/// A value that has its place in a checkpoint: its parts one after another, without names.
protocol Checkpointed: Sendable {
    func write(to writer: inout CheckpointWriter)
    init(from reader: inout CheckpointReader) throws(CheckpointError)
}

/// Integers and reals take eight bytes, little-endian, reals by their bits; what has a length is preceded by it.
struct CheckpointWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: some Checkpointed) { value.write(to: &self) }

    mutating func write(bits: UInt64) {
        withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ raw: [UInt8]) { bytes += raw }
}

/// Reads what ``CheckpointWriter`` wrote; never past the end, whatever a length claims.
struct CheckpointReader {
    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8]) { (self.bytes, offset) = (bytes, 0) }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func read<Value: Checkpointed>() throws(CheckpointError) -> Value { try Value(from: &self) }

    mutating func bits() throws(CheckpointError) -> UInt64 {
        guard bytes.count - offset >= 8 else { throw .truncated(at: bytes.count) }
        var value: UInt64 = 0
        for k in 0..<8 { value |= UInt64(bytes[offset + k]) << (8 * UInt64(k)) }
        offset += 8
        return value
    }

    mutating func raw(_ count: Int) throws(CheckpointError) -> [UInt8] {
        guard count >= 0, bytes.count - offset >= count else { throw .truncated(at: bytes.count) }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// A length that the bytes that are left can hold.
    mutating func length() throws(CheckpointError) -> Int {
        let count: Int = try read()
        guard count >= 0, count <= bytes.count - offset else { throw .truncated(at: bytes.count) }
        return count
    }
}

extension Double: Checkpointed {
    func write(to writer: inout CheckpointWriter) { writer.write(bits: bitPattern) }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(bitPattern: try reader.bits())
    }
}

extension Int: Checkpointed {
    func write(to writer: inout CheckpointWriter) { writer.write(bits: UInt64(bitPattern: Int64(self))) }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(Int64(bitPattern: try reader.bits()))
    }
}

extension Bool: Checkpointed {
    func write(to writer: inout CheckpointWriter) { writer.append([self ? 1 : 0]) }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        switch try reader.raw(1)[0] {
        case 0: self = false
        case 1: self = true
        default: throw .corrupt("a truth value that is neither")
        }
    }
}

extension String: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(utf8.count)
        writer.append(Array(utf8))
    }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        guard let text = String(validating: try reader.raw(try reader.length()), as: UTF8.self) else {
            throw .corrupt("a text that is not UTF-8")
        }
        self = text
    }
}

extension SIMD3: Checkpointed where Scalar == Double {
    func write(to writer: inout CheckpointWriter) {
        for k in 0..<3 { writer.write(self[k]) }
    }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(try reader.read(), try reader.read(), try reader.read())
    }
}

extension Array: Checkpointed where Element: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(count)
        for element in self { writer.write(element) }
    }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        let count = try reader.length()
        self = []
        for _ in 0..<count { append(try reader.read()) }
    }
}

extension Optional: Checkpointed where Wrapped: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(self != nil)
        if let self { writer.write(self) }
    }
    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self = try reader.read() ? .some(try reader.read()) : nil
    }
}

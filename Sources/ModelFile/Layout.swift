/// The layout of a model file. All integers are little-endian.
///
///     offset  size  what
///          0     8  "AURELAXM"
///          8     4  format version
///         12     4  0
///         16     8  length of the JSON header
///         24     8  length of the file
///         32    32  SHA-256 of bytes 0..<32 and of the JSON header: the model's version
///         64     …  JSON header: kind, name, the header of its kind, the tensors with a SHA-256 each
///          …     …  tensors, each at a multiple of 64; zeros between
///
/// The header contains each tensor's digest, so the digest at offset 32 covers all content and is cheap to check;
/// ``ModelFile/verify()`` checks the tensors.
enum Layout {
    static let magic = Array("AURELAXM".utf8)
    static let formatVersion = 1
    static let preambleSize = 64
    static let alignment = 64

    static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

    static func preamble(headerLength: Int, fileLength: Int) -> [UInt8] {
        var bytes = magic
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(UInt32(formatVersion))
        append(UInt32(0))
        append(UInt64(headerLength))
        append(UInt64(fileLength))
        return bytes
    }
}

/// The element types that a tensor can have.
public enum ElementType: String, Codable, Sendable {
    case float64, float32, int32, uint8

    public var size: Int {
        switch self {
        case .float64: 8
        case .float32, .int32: 4
        case .uint8: 1
        }
    }
}

/// A number type of tensors, stored as in memory.
public protocol TensorElement: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
}

extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .uint8 } }

/// The description of one tensor in a model file.
public struct TensorDescription: Codable, Sendable, Equatable {
    public let name: String
    public let type: ElementType
    /// Extents of the row-major array.
    public let shape: [Int]
    /// Offset from the end of the header, which is rounded up to a multiple of 64.
    let offset: Int
    let sha256: String

    public var count: Int { shape.reduce(1, *) }
    var byteCount: Int { count * type.size }
}

/// The part of the JSON header that all kinds of models have.
struct Directory: Codable {
    let kind: String
    let name: String
    let tensors: [TensorDescription]
}

struct Envelope<Header: Encodable>: Encodable {
    let header: Header
    let kind: String
    let name: String
    let tensors: [TensorDescription]
}

struct OwnedHeader<Header: Decodable>: Decodable {
    let header: Header
}

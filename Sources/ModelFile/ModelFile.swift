import Crypto
import Foundation

/// A model on disk, mapped into memory; opening reads only the header.
///
/// Opening checks the structure, the lengths and the header's digest; ``verify()`` checks the tensors.
/// A file is replaced by rename and never rewritten in place, so a mapping never changes.
public final class ModelFile: Sendable {
    public let path: String
    public let kind: String
    public let name: String
    /// SHA-256 over the content, hexadecimal: equal content gives an equal version.
    public let version: String
    public let tensors: [TensorDescription]

    private let mapping: Mapping
    private let headerRange: Range<Int>
    /// Start of the tensors; their offsets count from here.
    private let start: Int

    /// - Parameter kind: the required kind of model. Nil means that every kind is accepted.
    /// - Throws: ``ModelFileError``.
    /// - Complexity: independent of the size of the tensors.
    public init(contentsOf path: String, kind expected: String? = nil) throws(ModelFileError) {
        let mapping = try Mapping(path: path)
        let bytes = mapping.bytes
        guard bytes.count >= Layout.magic.count, bytes.prefix(8).elementsEqual(Layout.magic) else {
            throw .notAModelFile(path: path)
        }
        guard bytes.count >= Layout.preambleSize else {
            throw .wrongLength(
                path: path, expected: UInt64(Layout.preambleSize), actual: UInt64(bytes.count))
        }
        let format = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard format == Layout.formatVersion else {
            throw .unsupportedFormat(path: path, found: format, supported: Layout.formatVersion)
        }
        let headerLength = UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        let fileLength = UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        guard fileLength == UInt64(bytes.count) else {
            throw .wrongLength(path: path, expected: fileLength, actual: UInt64(bytes.count))
        }
        guard headerLength <= fileLength - UInt64(Layout.preambleSize) else {
            throw .damaged(path: path, what: "the header")
        }
        let headerRange = Layout.preambleSize..<Layout.preambleSize + Int(headerLength)
        var digest = SHA256()
        digest.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<32]))
        digest.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[headerRange]))
        version = hexadecimal(digest.finalize())
        guard version == hexadecimal(bytes[32..<64]) else {
            throw .damaged(path: path, what: "the header")
        }
        let directory: Directory
        do {
            directory = try JSONDecoder().decode(Directory.self, from: Data(bytes[headerRange]))
        } catch {
            throw .header(path: path, reason: String(describing: error))
        }
        let start = Layout.aligned(headerRange.upperBound)
        var end = 0
        for tensor in directory.tensors {
            // A header with a valid digest can still contain absurd numbers, so arithmetic on them must not trap.
            let bytes = tensor.shape.reduce(Optional(tensor.type.size)) { size, extent in
                guard let size, extent >= 0 else { return nil }
                let (product, overflow) = size.multipliedReportingOverflow(by: extent)
                return overflow ? nil : product
            }
            guard let bytes, tensor.offset == Layout.aligned(end), bytes <= Int.max - tensor.offset,
                tensor.offset + bytes <= Int.max - start
            else { throw .damaged(path: path, what: "the directory of tensors") }
            end = tensor.offset + bytes
        }
        guard start + end == bytes.count else {
            throw .wrongLength(path: path, expected: UInt64(start + end), actual: fileLength)
        }
        if let expected, directory.kind != expected {
            throw .wrongKind(path: path, found: directory.kind, expected: expected)
        }
        self.path = path
        self.mapping = mapping
        self.headerRange = headerRange
        self.start = start
        kind = directory.kind
        name = directory.name
        tensors = directory.tensors
    }

    /// Length of the file, bytes.
    public var byteCount: Int { mapping.bytes.count }

    /// Decodes the part of the header that depends on the kind of model.
    public func header<Header: Decodable>(
        as type: Header.Type = Header.self
    ) throws(ModelFileError) -> Header {
        do {
            let data = Data(mapping.bytes[headerRange])
            return try JSONDecoder().decode(OwnedHeader<Header>.self, from: data).header
        } catch {
            throw .header(path: path, reason: String(describing: error))
        }
    }

    public func float64(_ name: String) throws(ModelFileError) -> Tensor<Double> { try tensor(name) }
    public func float32(_ name: String) throws(ModelFileError) -> Tensor<Float> { try tensor(name) }
    public func int32(_ name: String) throws(ModelFileError) -> Tensor<Int32> { try tensor(name) }
    public func uint8(_ name: String) throws(ModelFileError) -> Tensor<UInt8> { try tensor(name) }

    /// Returns the tensor of this name.
    ///
    /// - Throws: ``ModelFileError/missingTensor(path:name:)``, or
    ///   ``ModelFileError/wrongTensor(path:name:found:expected:)`` if its elements have another
    ///   type.
    public func tensor<Element: TensorElement>(
        _ name: String, of type: Element.Type = Element.self
    ) throws(ModelFileError) -> Tensor<Element> {
        guard let entry = tensors.first(where: { $0.name == name }) else {
            throw .missingTensor(path: path, name: name)
        }
        guard entry.type == Element.elementType else {
            throw .wrongTensor(
                path: path, name: name, found: entry.type.rawValue,
                expected: Element.elementType.rawValue)
        }
        return Tensor(
            shape: entry.shape,
            buffer: UnsafeRawBufferPointer(rebasing: mapping.bytes[range(entry)])
                .bindMemory(to: Element.self),
            owner: mapping)
    }

    /// Reads the complete file and checks every tensor against its digest.
    ///
    /// - Throws: ``ModelFileError/damaged(path:what:)``.
    public func verify() throws(ModelFileError) {
        var end = headerRange.upperBound
        for entry in tensors {
            let range = range(entry)
            guard mapping.bytes[end..<range.lowerBound].allSatisfy({ $0 == 0 }) else {
                throw .damaged(path: path, what: "the space before tensor '\(entry.name)'")
            }
            guard sha256(UnsafeRawBufferPointer(rebasing: mapping.bytes[range])) == entry.sha256
            else { throw .damaged(path: path, what: "tensor '\(entry.name)'") }
            end = range.upperBound
        }
        guard mapping.bytes[end...].allSatisfy({ $0 == 0 }) else {
            throw .damaged(path: path, what: "the space after the header")
        }
    }

    private func range(_ entry: TensorDescription) -> Range<Int> {
        start + entry.offset..<start + entry.offset + entry.byteCount
    }
}

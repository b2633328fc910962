import Crypto
import DurableFiles
import Foundation
import SystemPackage

/// Collects a header and named tensors, and writes them as one model file.
///
/// Equal content gives equal bytes: no time, host or path is written.
public struct ModelFileWriter<Header: Codable & Sendable>: Sendable {
    private let kind: String
    private let name: String
    private let header: Header
    private var tensors: [(name: String, type: ElementType, shape: [Int], bytes: Bytes)] = []

    /// - Parameters:
    ///   - kind: the kind of model: `oamlm`, `soap-potential`, …
    ///   - name: the name of the model.
    ///   - header: all data that are not arrays of numbers.
    public init(kind: String, name: String, header: Header) {
        self.kind = kind
        self.name = name
        self.header = header
    }

    /// Adds a tensor, row-major.
    ///
    /// - Precondition: the number of values fits the shape, and the name has not been used before.
    public mutating func add<Element: TensorElement>(
        _ tensor: String, shape: [Int], _ values: [Element]
    ) {
        precondition(shape.reduce(1, *) == values.count, "the number of values fits the shape")
        precondition(!tensors.contains { $0.name == tensor }, "tensor names are unique")
        tensors.append((tensor, Element.elementType, shape, Bytes(values)))
    }

    /// Writes the file: a temporary file beside it, fsync, rename, fsync of the directory.
    ///
    /// - Returns: the model's version, SHA-256 in hexadecimal.
    /// - Throws: ``ModelFileError``, and `FileError` if the disk reports an error.
    @discardableResult
    public func write(to path: String) throws -> String {
        var directory: [TensorDescription] = []
        var end = 0
        for tensor in tensors {
            let offset = Layout.aligned(end)
            end = offset + tensor.bytes.count
            directory.append(
                TensorDescription(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, offset: offset,
                    sha256: tensor.bytes.withBytes(sha256)))
        }
        let json: Data
        do {
            json = try JSONEncoder.line.encode(
                Envelope(header: header, kind: kind, name: name, tensors: directory))
        } catch {
            throw ModelFileError.header(path: path, reason: String(describing: error))
        }
        let start = Layout.aligned(Layout.preambleSize + json.count)
        var head = Data(Layout.preamble(headerLength: json.count, fileLength: start + end))
        var digest = SHA256()
        digest.update(data: head)
        digest.update(data: json)
        let version = digest.finalize()
        head.append(contentsOf: version)
        head.append(json)

        let file = try ReplacedFile(FilePath(path))
        try head.withUnsafeBytes { try file.append($0) }
        for (tensor, entry) in zip(tensors, directory) {
            try file.pad(to: start + entry.offset)
            try tensor.bytes.withBytes { try file.append($0) }
        }
        try file.pad(to: start + end)
        try file.commit()
        return hexadecimal(version)
    }
}

/// An array of numbers of any of the element types, as bytes.
private struct Bytes: Sendable {
    let count: Int
    private let values: any Sendable & BytesView

    init<Element: TensorElement>(_ values: [Element]) {
        count = values.count * MemoryLayout<Element>.stride
        self.values = values
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try values.withUnsafeBytes(body)
    }
}

private protocol BytesView {
    func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result
}

extension Array: BytesView where Element: TensorElement {}

func sha256(_ bytes: UnsafeRawBufferPointer) -> String {
    var digest = SHA256()
    digest.update(bufferPointer: bytes)
    return hexadecimal(digest.finalize())
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

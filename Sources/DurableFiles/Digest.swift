import Crypto
import Glibc
public import SystemPackage

/// SHA-256 of some bytes.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public let hexadecimal: String

    public init(of bytes: [UInt8]) {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        self.init(hash)
    }

    init(_ hash: SHA256) {
        let digits = Array("0123456789abcdef".utf8)
        hexadecimal = String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Returns nil if the text is not 64 hexadecimal digits.
    public init?(hexadecimal: String) {
        let text = hexadecimal.lowercased()
        guard text.utf8.count == 64, text.utf8.allSatisfy(Self.isDigit) else { return nil }
        self.hexadecimal = text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte)
    }

    public var description: String { hexadecimal }
}

extension Digest: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digest = Digest(hexadecimal: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a SHA-256 digest"))
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}

extension Directory {
    /// Returns the SHA-256 and the size in bytes of a file, read in bounded memory; nil if there is no such
    /// file.
    ///
    /// - Throws: ELOOP for a link, EINVAL if the file is not a regular file.
    public func digest(of name: FilePath.Component) throws(FileError) -> (digest: Digest, size: Int)? {
        let file: OpenFile
        do {
            file = try OpenFile(name, in: self, flags: O_RDONLY | O_NONBLOCK)
        } catch  where error.code == .noSuchFileOrDirectory { return nil }
        guard try file.status().kind == .regular else {
            throw FileError(code: .invalidArgument, operation: "read", path: file.path)
        }
        var hash = SHA256()
        var size = 0
        try file.forEachChunk { chunk throws(FileError) in
            hash.update(bufferPointer: chunk)
            size += chunk.count
        }
        try file.close()
        return (Digest(hash), size)
    }
}

/// A file that is read once from its beginning to its end, while the digest of the bytes read is computed.
public final class HashedFile {
    private let file: OpenFile
    private var hash = SHA256()
    /// Bytes read so far.
    public private(set) var count = 0

    /// - Throws: ENOENT for a missing file, ELOOP for a link, EINVAL if the file is not a regular file.
    public init(_ name: FilePath.Component, in directory: Directory) throws(FileError) {
        file = try OpenFile(name, in: directory, flags: O_RDONLY | O_NONBLOCK)
        guard try file.status().kind == .regular else {
            throw FileError(code: .invalidArgument, operation: "read", path: file.path)
        }
    }

    /// Reads the next bytes; returns their number, 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        let read = try file.read(into: buffer)
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer.prefix(read)))
        count += read
        return read
    }

    /// Digest of the bytes read.
    public var digest: Digest { Digest(hash) }
}

import Crypto
import Glibc
public import SystemPackage

/// A file that is read once from its beginning to its end, with the digest of what was read.
public final class HashedFile {
    private let file: OpenFile
    private var hash = SHA256()
    /// Bytes read so far.
    public private(set) var count = 0

    /// - Throws: ENOENT for no file, ELOOP for a link, EINVAL for what is no regular file.
    public init(_ name: FilePath.Component, in directory: Directory) throws(FileError) {
        file = try OpenFile(name, in: directory, flags: O_RDONLY | O_NONBLOCK)
        guard try file.status().kind == .regular else {
            throw FileError(code: .invalidArgument, operation: "read", path: file.path)
        }
    }

    /// Reads the next bytes; 0 means the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        let read = try file.read(into: buffer)
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer.prefix(read)))
        count += read
        return read
    }

    /// Of what was read.
    public var digest: Digest { Digest(hash) }
}

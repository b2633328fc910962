import Crypto
import Glibc
public import SystemPackage

extension Directory {
    /// Returns SHA-256 and size of a file, in bounded memory; nil if there is none.
    ///
    /// - Throws: ELOOP for a link, EINVAL if it is not a regular file.
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

import Crypto
import Glibc
public import SystemPackage

extension Directory {
    /// SHA-256 and size of a file, in bounded memory; nil where there is none.
    ///
    /// - Throws: ELOOP for a link, EINVAL for what is no regular file.
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

import Glibc
import SystemPackage

/// An open file that is closed exactly once: with its error reported if the caller closes it,
/// silently if an earlier error is being thrown.
final class OpenFile {
    let descriptor: Int32
    let path: FilePath
    private var isOpen = true

    init(
        _ name: FilePath.Component, in directory: Directory, flags: Int32, mode: UInt16 = 0
    ) throws(FileError) {
        path = directory.path.appending(name)
        descriptor = try SystemCalls.open(
            FilePath(only: name), relativeTo: directory.descriptor, flags: flags | O_NOFOLLOW,
            mode: mode_t(mode), shown: path)
    }

    deinit { if isOpen { _ = Glibc.close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try SystemCalls.writeAll(descriptor, bytes, shown: path)
    }

    func write(_ bytes: [UInt8]) throws(FileError) {
        try SystemCalls.writeAll(descriptor, bytes, shown: path)
    }

    /// Reads up to `buffer.count` bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try SystemCalls.read(descriptor, into: buffer, shown: path)
    }

    func seek(to offset: Int) throws(FileError) { try SystemCalls.seek(descriptor, to: offset, shown: path) }
    func status() throws(FileError) -> FileStatus { try SystemCalls.status(descriptor, shown: path) }
    func synchronize() throws(FileError) { try SystemCalls.synchronize(descriptor, shown: path) }

    func close() throws(FileError) {
        isOpen = false
        try SystemCalls.close(descriptor, shown: path)
    }
}

extension SystemCalls {
    static func writeAll(
        _ descriptor: Int32, _ bytes: [UInt8], shown: FilePath
    ) throws(FileError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, FileError> in
            Result { () throws(FileError) in try writeAll(descriptor, buffer, shown: shown) }
        }
        try result.get()
    }
}

import Glibc
public import SystemPackage

/// A file that grows at its end: a trajectory or a log.
///
/// The caller remembers its length at each durable point. When the file is opened again, it is
/// truncated to that length, so that data written between the point and a crash do not appear
/// twice.
public final class AppendFile {
    private let file: OpenFile
    public private(set) var length: Int

    /// - Parameter keeping: number of bytes of an existing file to keep; nil keeps all.
    public init(
        _ name: FilePath.Component, in directory: Directory, keeping: Int? = nil
    ) throws(FileError) {
        file = try OpenFile(
            name, in: directory, flags: O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o644)
        length = try file.status().size
        if let keeping, keeping < length {
            try SystemCalls.truncate(file.descriptor, to: keeping, shown: file.path)
            length = keeping
        }
        try directory.synchronize()
    }

    public func append(_ bytes: [UInt8]) throws(FileError) {
        try file.write(bytes)
        length += bytes.count
    }

    public func append(_ text: String) throws(FileError) { try append(Array(text.utf8)) }

    /// Makes everything appended so far durable.
    public func synchronize() throws(FileError) { try file.synchronize() }

    public func close() throws(FileError) { try file.close() }
}

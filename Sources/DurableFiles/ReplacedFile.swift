import Glibc
public import SystemPackage

/// A file written piece by piece that appears under its name complete or not at all: it is a
/// temporary file until ``commit()``. An existing file of that name stays until then. Without a
/// commit nothing is left.
public final class ReplacedFile {
    private let directory: Directory
    private let name: FilePath.Component
    private let temporary: FilePath.Component
    private let file: OpenFile
    private var isCommitted = false
    /// Number of bytes written so far.
    public private(set) var length = 0

    /// - Throws: EISDIR if the path has no file name; errors of opening the directory and the file.
    public init(_ path: FilePath, mode: UInt16 = 0o644) throws(FileError) {
        guard let name = path.lastComponent, name.kind == .regular else {
            throw FileError(code: .isDirectory, operation: "open", path: path)
        }
        let parent = path.removingLastComponent()
        directory = try Directory(parent.isEmpty ? "." : parent)
        self.name = name
        temporary = directory.temporaryName()
        file = try OpenFile(temporary, in: directory, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    }

    deinit { if !isCommitted { try? directory.remove(temporary) } }

    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try file.write(bytes)
        length += bytes.count
    }

    public func append(_ bytes: [UInt8]) throws(FileError) {
        try file.write(bytes)
        length += bytes.count
    }

    /// Appends zeros up to this offset.
    public func pad(to offset: Int) throws(FileError) {
        precondition(offset >= length, "padding never moves backward")
        try append([UInt8](repeating: 0, count: offset - length))
    }

    /// `fsync` → `close` → `rename` → `fsync` of the directory.
    public func commit() throws(FileError) {
        try file.synchronize()
        try file.close()
        try directory.move(temporary, to: name, in: directory, replacing: true)
        isCommitted = true
        try directory.synchronize()
    }
}

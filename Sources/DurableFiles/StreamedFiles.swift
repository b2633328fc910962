import Glibc
public import SystemPackage

/// A file that grows at its end: a trajectory or a log.
///
/// The caller remembers the file's length each time after making the content durable. When the file is opened
/// again, it is truncated to that length, so that data written between that time and a crash do not appear
/// twice.
public final class AppendFile {
    private let file: OpenFile
    public private(set) var length: Int

    /// Opens the file, or creates it if it is missing.
    ///
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

/// A file written piece by piece that appears under its name complete or not at all: it is a temporary file
/// until ``commit()``. An existing file of that name stays unchanged until then. If there is no commit,
/// nothing is left.
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

    /// Makes the content durable and gives the file its name: `fsync` → `close` → `rename` → `fsync` of the
    /// directory.
    public func commit() throws(FileError) {
        try file.synchronize()
        try file.close()
        try directory.move(temporary, to: name, in: directory, replacing: true)
        isCommitted = true
        try directory.synchronize()
    }
}

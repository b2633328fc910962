import Glibc
public import SystemPackage

/// An open file that is closed exactly once. If the caller closes it, an error of closing is thrown; if it is
/// closed because of an earlier error, an error of closing is ignored.
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

    /// Reads up to `buffer.count` bytes; returns their number, 0 at the end of the file.
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

/// A lock held by one process; the kernel releases it when the process ends, for any reason.
public final class ExclusiveLock: Sendable {
    private let file: OpenFileHandle

    /// Takes the lock of the file with this name; creates the file if it is missing.
    ///
    /// - Throws: ``LockHeld`` if another process holds the lock.
    public init(_ name: FilePath.Component, in directory: Directory) throws {
        let file = try OpenFile(name, in: directory, flags: O_RDWR | O_CREAT, mode: 0o600)
        guard try Self.isTaken(file) else {
            let holder = try directory.read(name, limit: 4096) ?? []
            throw LockHeld(path: file.path, holder: escapedForDisplay(holder.filter { $0 != 10 }))
        }
        try SystemCalls.truncate(file.descriptor, to: 0, shown: file.path)
        try file.write(Array("process \(SystemCalls.processIdentifier) on \(SystemCalls.hostName)\n".utf8))
        try file.synchronize()
        self.file = OpenFileHandle(file)
    }

    /// Takes the lock, with retries; returns false if another process keeps it. The retries are necessary
    /// because a child that the holder has just forked keeps the lock until it executes another program, and
    /// a caller of ``isHeld(_:in:)`` holds it briefly.
    private static func isTaken(_ file: OpenFile) throws -> Bool {
        for _ in 0..<25 {
            if try SystemCalls.lock(file.descriptor, shown: file.path) { return true }
            usleep(10_000)
        }
        return false
    }

    /// Returns true while a process holds the lock.
    public static func isHeld(_ name: FilePath.Component, in directory: Directory) throws -> Bool {
        guard try directory.status(of: name) != nil else { return false }
        let file = try OpenFile(name, in: directory, flags: O_RDONLY)
        // If this call gets the lock, closing the file releases it at once.
        return try !SystemCalls.lock(file.descriptor, shown: file.path)
    }
}

/// An object that keeps the lock's file open, because closing the file releases the lock.
private final class OpenFileHandle: @unchecked Sendable {
    private let file: OpenFile
    init(_ file: OpenFile) { self.file = file }
}

/// The error that another process holds the lock.
public struct LockHeld: Error, Sendable, CustomStringConvertible {
    public let path: FilePath
    /// The text that the holder wrote: `process 4711 on lab3`.
    public let holder: String

    public var description: String {
        "\(path.escaped) is locked by \(holder.isEmpty ? "another process" : holder)"
    }
}

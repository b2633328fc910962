import Glibc
public import SystemPackage

extension Directory {
    /// Creates a new file completely or not at all, durable on return: temporary file → `fsync` →
    /// rename without replacing → `fsync` of the directory.
    ///
    /// - Throws: EEXIST if the name is taken; nothing is overwritten.
    public func create(
        _ name: FilePath.Component, _ bytes: [UInt8], mode: UInt16 = 0o644
    ) throws(FileError) {
        try write(bytes, as: name, mode: mode, replacing: false)
    }

    /// Replaces the file's content atomically: a reader sees the old or the new content, never a
    /// part. Durable on return.
    public func replace(
        _ name: FilePath.Component, _ bytes: [UInt8], mode: UInt16 = 0o644
    ) throws(FileError) {
        try write(bytes, as: name, mode: mode, replacing: true)
    }

    private func write(
        _ bytes: [UInt8], as name: FilePath.Component, mode: UInt16, replacing: Bool
    ) throws(FileError) {
        let temporary = temporaryName()
        do {
            try writeNew(temporary, bytes, mode: mode)
            try move(temporary, to: name, in: self, replacing: replacing)
        } catch {
            if !error.isFatal { try? remove(temporary) }
            throw error
        }
        try synchronize()
    }

    /// Creates a new file under its final name with durable content; the name becomes durable only when the
    /// directory is synchronised.
    ///
    /// - Parameter reader: numeric ID of another user who may read the file, if this process may allow that.
    func writeNew(
        _ name: FilePath.Component, _ bytes: [UInt8], mode: UInt16 = 0o644, reader: UInt32? = nil
    ) throws(FileError) {
        let file = try OpenFile(name, in: self, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        if let reader, reader != geteuid() {
            // Without access control lists, or without the right to set them, the file stays private.
            try? SystemCalls.grantReading(
                to: reader, of: file.descriptor, isDirectory: false, shown: file.path)
        }
        try file.write(bytes)
        let size = try file.status().size
        guard size == bytes.count else {
            throw FileError(code: .ioError, operation: "write", path: path.appending(name))
        }
        try file.synchronize()
        try file.close()
    }

    /// Returns the content of a file; nil if there is no such file.
    ///
    /// - Throws: EFBIG if the file has more than `limit` bytes, ELOOP for a link, EINVAL if the file is not a
    ///   regular file.
    public func read(
        _ name: FilePath.Component, limit: Int = 256 << 20
    ) throws(FileError) -> [UInt8]? {
        guard let (file, size) = try openRegular(name) else { return nil }
        var content: [UInt8] = []
        content.reserveCapacity(min(size, limit))
        try file.forEachChunk { chunk throws(FileError) in
            guard content.count + chunk.count <= limit else {
                throw FileError(code: .fileTooLarge, operation: "read", path: file.path)
            }
            content.append(contentsOf: chunk)
        }
        try file.close()
        return content
    }

    /// Returns the last bytes of a file: as many as requested, or somewhat more if the file grows meanwhile. Nil
    /// if there is no such file.
    ///
    /// - Throws: ELOOP for a link, EINVAL if the file is not a regular file.
    public func end(of name: FilePath.Component, bytes: Int) throws(FileError) -> [UInt8]? {
        guard let (file, size) = try openRegular(name) else { return nil }
        try file.seek(to: max(0, size - bytes))
        var content: [UInt8] = []
        try file.forEachChunk { chunk throws(FileError) in
            if content.count < 2 * bytes { content.append(contentsOf: chunk) }
        }
        try file.close()
        return content
    }

    /// Returns the last 12 lines of a log as printable text; empty if there is no such file.
    public func lastLines(of name: FilePath.Component) throws(FileError) -> [String] {
        (try end(of: name, bytes: 8192) ?? []).suffix(8192).split(separator: UInt8(ascii: "\n")).suffix(12)
            .map { escapedForDisplay(Array($0)) }
    }

    /// Opens a regular file for reading; nil if no file has that name.
    private func openRegular(
        _ name: FilePath.Component
    ) throws(FileError) -> (file: OpenFile, size: Int)? {
        let file: OpenFile
        do {
            file = try OpenFile(name, in: self, flags: O_RDONLY | O_NONBLOCK)
        } catch  where error.code == .noSuchFileOrDirectory { return nil }
        let status = try file.status()
        guard status.kind == .regular else {
            throw FileError(code: .invalidArgument, operation: "read", path: path.appending(name))
        }
        return (file, status.size)
    }
}

extension OpenFile {
    /// Reads the file from the current position to its end, in chunks of bounded size.
    func forEachChunk(
        _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void
    ) throws(FileError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
        }
    }
}

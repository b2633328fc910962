#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that appears under its name complete or not at all: written to a temporary in the same
/// directory, flushed, renamed.
final class ReplacedFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32
    private var length = 0

    init(path: String) throws {
        self.path = path
        let (directory, name) = Self.split(path)
        temporary = directory + "/." + name + ".part"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw systemError(temporary, "open") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporary)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(
                descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError(temporary, "write")
            }
            rest = rest.dropFirst(count)
        }
        length += bytes.count
    }

    /// Appends zeros up to this offset.
    func pad(to offset: Int) throws {
        precondition(offset >= length, "padding only moves forward")
        let zeros = [UInt8](repeating: 0, count: offset - length)
        try zeros.withUnsafeBytes { try append($0) }
    }

    func commit() throws {
        if fsync(descriptor) != 0 { throw systemError(temporary, "fsync") }
        let closed = close(descriptor)
        descriptor = -1
        if closed != 0 {
            let error = systemError(temporary, "close")
            unlink(temporary)
            throw error
        }
        if rename(temporary, path) != 0 {
            let error = systemError(path, "rename")
            unlink(temporary)
            throw error
        }
        let directory = open(Self.split(path).directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw systemError(path, "open its directory") }
        defer { close(directory) }
        if fsync(directory) != 0 { throw systemError(path, "fsync its directory") }
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        return (directory, String(path[path.index(after: slash)...]))
    }
}

/// The error that `errno` names now.
func systemError(_ path: String, _ operation: String) -> ModelFileError {
    let number = errno
    return .system(
        path: path, operation: operation, errno: number, reason: String(cString: strerror(number)))
}

import Glibc

/// Bytes that can be read at any offset: a file, or a structure written inline in a job file.
///
/// A source that can only be read forwards (a pipe) also works if each read begins where the
/// previous one ended.
public protocol ByteSource {
    /// The name of this source in messages: a path, or `job.yaml: structure`.
    var label: String { get }
    /// The number of bytes, if it is known beforehand.
    var byteCount: Int? { get }
    /// Fills `buffer` with the bytes from `offset` on and returns their number; 0 means the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int
}

/// Bytes in memory.
public struct MemoryBytes: ByteSource, Sendable {
    public let label: String
    private let bytes: [UInt8]

    public init(_ bytes: [UInt8], label: String = "structure") {
        self.bytes = bytes
        self.label = label
    }

    public init(_ text: String, label: String = "structure") { self.init(Array(text.utf8), label: label) }

    public var byteCount: Int? { bytes.count }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = min(buffer.count, max(bytes.count - offset, 0))
        guard count > 0 else { return 0 }
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
        }
        return count
    }
}

/// A file, open for reading during the lifetime of this object.
public final class FileBytes: ByteSource {
    public let label: String
    public let byteCount: Int?
    private let descriptor: Int32
    private let isSeekable: Bool

    /// - Throws: ``ExtXYZError`` without a line if the file cannot be opened or is a directory.
    public init(path: String, label: String? = nil) throws(ExtXYZError) {
        let label = label ?? path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ExtXYZError(file: label, message: "cannot open: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            close(descriptor)
            throw ExtXYZError(file: label, message: "cannot read: not a file")
        }
        self.label = label
        self.descriptor = descriptor
        isSeekable = status.st_mode & S_IFMT == S_IFREG
        byteCount = isSeekable ? Int(status.st_size) : nil
    }

    deinit { close(descriptor) }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ExtXYZError) -> Int {
        while true {
            let count =
                isSeekable
                ? pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
                : Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else {
                throw ExtXYZError(file: label, message: "cannot read: \(String(cString: strerror(errno)))")
            }
        }
    }
}

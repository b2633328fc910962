#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An array of numbers inside a mapped model file, row-major. It keeps the mapping alive.
public struct Tensor<Element: TensorElement>: @unchecked Sendable {
    // Unchecked: the mapped pages are read-only for the life of `owner`.
    public let shape: [Int]
    private let buffer: UnsafeBufferPointer<Element>
    private let owner: Mapping

    init(shape: [Int], buffer: UnsafeBufferPointer<Element>, owner: Mapping) {
        self.shape = shape
        self.buffer = buffer
        self.owner = owner
    }

    public var count: Int { buffer.count }
    public subscript(i: Int) -> Element { buffer[i] }
    /// A copy of the values.
    public var array: [Element] { withExtendedLifetime(owner) { Array(buffer) } }

    /// Calls `body` with the values in place; the pointer is valid only inside `body`.
    public func withUnsafeBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(buffer)
    }
}

/// A file that is mapped completely and read-only (`mmap`) until the last reference is released.
final class Mapping: @unchecked Sendable {
    // Unchecked: read-only pages.
    let bytes: UnsafeRawBufferPointer

    init(path: String) throws(ModelFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError(path, "open") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError(path, "stat") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else {
            throw .notAModelFile(path: path)
        }
        let size = Int(status.st_size)
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
        else { throw systemError(path, "mmap") }
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// Returns the error for the current value of `errno`.
private func systemError(_ path: String, _ operation: String) -> ModelFileError {
    let number = errno
    return .system(
        path: path, operation: operation, errno: number, reason: String(cString: strerror(number)))
}

import Atomistics
public import DurableFiles
import SystemPackage

/// A result in its folder. Its trajectory may be large, so it is read frame by frame; the other files are small.
public struct StoredResult: Sendable {
    let files: [ReturnedFile: [UInt8]]
    /// The trajectory; nil if the result has none.
    let trajectory: ResultTrajectory?

    /// Reads the result of a package. A file that is larger than a result of this package can be is refused without
    /// reading it.
    ///
    /// - Returns: nil while the result has no `DONE.json`.
    /// - Throws: ``ResultRefusal``, ``PackageRefusal``, `FileError`.
    public init?(of package: Directory) throws {
        guard let result = try PackageLayout.result(of: package), try PackageLayout.hasResult(package) else {
            return nil
        }
        let limit = try ReturnedFile.largest(of: package)
        guard let files = try ReturnedFile.read(from: result, without: .trajectory, limit: limit) else {
            return nil
        }
        self.files = files
        let size = try ReturnedFile.size(.trajectory, of: result, limit: limit)
        trajectory = size.map { .stored(result, size: $0) }
    }
}

/// The trajectory of a result.
enum ResultTrajectory: Sendable {
    case bytes([UInt8])
    /// A file in a folder, with its size in bytes.
    case stored(Directory, size: Int)

    private static let label = ReturnedFile.trajectory.rawValue
    private static let name: FilePath.Component = "trajectory.extxyz"

    /// Returns true if the file has this size and digest.
    func isWhole(size: Int, _ digest: Digest) throws(ResultRefusal) -> Bool {
        switch self {
        case .bytes(let bytes): return bytes.count == size && Digest(of: bytes) == digest
        case .stored(let result, let found):
            guard found == size else { return false }
            do { return try result.digest(of: Self.name)?.digest == digest } catch {
                throw .unreadable(Self.label, reason: "\(error)")
            }
        }
    }

    /// Reads the frames one after the other, with one frame at a time in memory.
    ///
    /// - Parameter digest: the digest that the file had when it was checked.
    /// - Throws: ``ResultRefusal/damaged(_:)`` if the file has changed since then; errors of `body`.
    func forEachFrame(
        _ digest: Digest, _ body: (Int, Atoms) throws(ResultRefusal) -> Void
    ) throws(ResultRefusal) {
        switch self {
        case .bytes(let bytes):
            try Self.forEachFrame(of: MemoryBytes(bytes, label: Self.label), body)
        case .stored(let result, let size):
            let file: HashedFile
            do { file = try HashedFile(Self.name, in: result) } catch {
                throw .unreadable(Self.label, reason: "\(error)")
            }
            try Self.forEachFrame(of: HashedBytes(file, size: size, label: Self.label), body)
            guard file.count == size, file.digest == digest else { throw .damaged(Self.label) }
        }
    }

    private static func forEachFrame(
        of source: any ByteSource, _ body: (Int, Atoms) throws(ResultRefusal) -> Void
    ) throws(ResultRefusal) {
        func readable<Value: ~Copyable>(
            _ read: () throws(ExtXYZError) -> Value
        ) throws(ResultRefusal) -> Value {
            do throws(ExtXYZError) { return try read() } catch {
                throw .unreadable(label, reason: "\(error)")
            }
        }
        var reader = try readable { () throws(ExtXYZError) in try ExtXYZReader(source) }
        var index = 0
        while let atoms = try readable({ () throws(ExtXYZError) in try reader.next() }) {
            try body(index, atoms)
            index += 1
        }
    }
}

/// A file as a source of bytes for the extxyz reader; the bytes are hashed as they are read.
private final class HashedBytes: ByteSource {
    let label: String
    let byteCount: Int?
    private let file: HashedFile

    init(_ file: HashedFile, size: Int, label: String) {
        (self.file, self.label, byteCount) = (file, label, size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        guard offset == file.count else { throw ResultRefusal.damaged(label) }
        return try file.read(into: buffer)
    }
}

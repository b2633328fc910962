import Crypto
import Glibc
public import SystemPackage

/// Content by its digest: what was claimed, as it was at that moment.
public struct BlobStore: Sendable {
    private let directory: Directory

    public init(_ directory: Directory) { self.directory = directory }

    /// Keeps these bytes, durable on return.
    @discardableResult
    public func insert(_ bytes: [UInt8]) throws(FileError) -> Digest {
        let digest = Digest(of: bytes)
        do {
            try directory.create(name(of: digest), bytes, mode: 0o400)
        } catch  where error.code == .fileExists {
            // Whoever put it there may have been killed before the name was durable.
            try directory.synchronize()
        }
        return digest
    }

    /// The bytes of a digest; nil where they are not kept.
    ///
    /// - Throws: ``BlobDamaged`` where the bytes no longer have that digest.
    public func read(_ digest: Digest) throws -> [UInt8]? {
        guard let bytes = try directory.read(name(of: digest)) else { return nil }
        guard Digest(of: bytes) == digest else {
            throw BlobDamaged(digest: digest, path: directory.path.appending(name(of: digest)))
        }
        return bytes
    }

    /// Takes a snapshot of a file that somebody else may be changing, in bounded memory.
    ///
    /// The file is opened beneath `source` without following a link and without blocking, must be a regular
    /// file of one name and at most `limit` bytes, is hashed while it is copied, and must be the same before
    /// and after. The snapshot is durable on return; the original stays where it is.
    ///
    /// - Throws: ``ClaimRefusal`` for what is no such file, ``FileError`` for the rest.
    public func claim(
        _ name: FilePath.Component, in source: Directory, limit: Int
    ) throws -> Claim {
        let file = try open(name, in: source)
        let before = try file.status()
        try ClaimRefusal.check(before, limit: limit)
        let temporary = directory.temporaryName()
        do {
            let digest = try copy(file, of: before, to: temporary)
            do {
                try directory.move(temporary, to: self.name(of: digest), in: directory)
            } catch  where error.code == .fileExists {
                try directory.remove(temporary)
            }
            try directory.synchronize()
            return Claim(digest: digest, size: before.size, source: before)
        } catch {
            if (error as? FileError)?.isFatal != true { try? directory.remove(temporary) }
            throw error
        }
    }

    /// Opens without following a link and without waiting for a pipe's other end.
    private func open(_ name: FilePath.Component, in source: Directory) throws -> OpenFile {
        do {
            return try OpenFile(name, in: source, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
        } catch {
            switch error.code {
            case .tooManySymbolicLinkLevels: throw ClaimRefusal.symbolicLink
            case .noSuchFileOrDirectory: throw ClaimRefusal.vanished
            case .noSuchAddressOrDevice: throw ClaimRefusal.notAFile
            default: throw error
            }
        }
    }

    /// Copies the file and says what was copied.
    ///
    /// - Throws: ``ClaimRefusal/changing`` where the file is not what it was before.
    private func copy(
        _ file: OpenFile, of before: FileStatus, to temporary: FilePath.Component
    ) throws -> Digest {
        let copy = try OpenFile(
            temporary, in: directory, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o400)
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        var total = 0
        while case let count = try file.read(into: buffer), count > 0 {
            let chunk = UnsafeRawBufferPointer(rebasing: buffer.prefix(count))
            total += count
            guard total <= before.size else { throw ClaimRefusal.changing }
            hash.update(bufferPointer: chunk)
            try copy.write(chunk)
        }
        guard try file.status() == before, total == before.size else { throw ClaimRefusal.changing }
        try copy.synchronize()
        try copy.close()
        return Digest(hash)
    }

    /// Removes what a crash left half-written.
    public func removeTemporaries() throws(FileError) { try directory.removeTemporaries() }

    /// True where nothing was ever kept.
    public func isEmpty() throws(FileError) -> Bool { try directory.names().isEmpty }

    private func name(of digest: Digest) -> FilePath.Component {
        guard let name = FilePath.Component(digest.hexadecimal) else {
            preconditionFailure("hexadecimal digits make a name")
        }
        return name
    }
}

/// A snapshot in the store.
public struct Claim: Sendable, Equatable {
    public let digest: Digest
    public let size: Int
    /// The original as it was: whatever has another status later is not what was claimed.
    public let source: FileStatus
}

/// Why a file is not claimed.
public enum ClaimRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    case symbolicLink, directory, notAFile
    case hardLinked(Int)
    case tooLarge(Int, limit: Int)
    /// It changed while it was copied: try again later.
    case changing
    /// It went away before it was opened.
    case vanished

    /// - Throws: what speaks against a file with this status.
    public static func check(_ status: FileStatus, limit: Int) throws(ClaimRefusal) {
        switch status.kind {
        case .regular: break
        case .directory: throw .directory
        case .symbolicLink: throw .symbolicLink
        case .other: throw .notAFile
        }
        guard status.links == 1 else { throw .hardLinked(status.links) }
        guard status.size <= limit else { throw .tooLarge(status.size, limit: limit) }
    }

    /// False where waiting may help.
    public var isFinal: Bool { self != .changing && self != .vanished }

    public var description: String {
        switch self {
        case .symbolicLink: "a symbolic link is not followed; copy the file itself"
        case .directory: "a directory, not a file"
        case .notAFile: "not an ordinary file (a pipe, socket or device)"
        case .hardLinked(let count): "a file with \(count) names (hard links); copy it instead"
        case .tooLarge(let size, let limit): "\(size) bytes, more than the \(limit) allowed"
        case .changing: "still being written"
        case .vanished: "gone before it could be read"
        }
    }
}

/// A blob whose bytes are not those that were stored.
public struct BlobDamaged: Error, Sendable, CustomStringConvertible {
    public let digest: Digest
    public let path: FilePath

    public var description: String {
        "\(path.escaped): the content no longer has the digest \(digest); the disk or somebody changed it"
    }
}

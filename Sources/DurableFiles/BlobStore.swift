import Crypto
import Glibc
public import SystemPackage

/// A store of file contents ("blobs"): each is stored under its digest and never changes.
public struct BlobStore: Sendable {
    private let directory: Directory

    public init(_ directory: Directory) { self.directory = directory }

    /// Stores these bytes, durable on return.
    @discardableResult
    public func insert(_ bytes: [UInt8]) throws(FileError) -> Digest {
        let digest = Digest(of: bytes)
        do {
            try directory.create(name(of: digest), bytes, mode: 0o400)
        } catch  where error.code == .fileExists {
            // An earlier process that stored the bytes may have been killed before the name was durable.
            try directory.synchronize()
        }
        return digest
    }

    /// Returns the bytes that have this digest; nil if they are not stored.
    ///
    /// - Throws: ``BlobDamaged`` if the bytes no longer have that digest.
    public func read(_ digest: Digest) throws -> [UInt8]? {
        guard let bytes = try directory.read(name(of: digest)) else { return nil }
        guard Digest(of: bytes) == digest else {
            throw BlobDamaged(digest: digest, path: directory.path.appending(name(of: digest)))
        }
        return bytes
    }

    /// Takes a snapshot of a file that another process may be changing, in bounded memory.
    ///
    /// The file is opened beneath `source` without following a link and without blocking. It must be a regular
    /// file of at most `limit` bytes, without other hard links. Its digest is computed while it is copied, and
    /// its status must be the same before and after. The snapshot is durable on return; the original stays where
    /// it is.
    ///
    /// - Throws: ``ClaimRefusal`` for an unsuitable file, ``FileError`` for other errors.
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

    /// Opens a file without following a link and without waiting for a pipe's other end.
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

    /// Copies the file, whose status was `before`, and returns the digest of the copy.
    ///
    /// - Throws: ``ClaimRefusal/changing`` if the file has changed meanwhile.
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

    /// Removes incomplete files that a crash left.
    public func removeTemporaries() throws(FileError) { try directory.removeTemporaries() }

    /// Returns true if the store's directory holds no file.
    public func isEmpty() throws(FileError) -> Bool { try directory.names().isEmpty }

    private func name(of digest: Digest) -> FilePath.Component {
        guard let name = FilePath.Component(digest.hexadecimal) else {
            preconditionFailure("hexadecimal digits make a name")
        }
        return name
    }
}

/// A snapshot of a file in a ``BlobStore``.
public struct Claim: Sendable, Equatable {
    public let digest: Digest
    public let size: Int
    /// The status of the original when it was claimed; a file whose status differs later is not the
    /// claimed file.
    public let source: FileStatus
}

/// The reason why a file is not claimed.
public enum ClaimRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    case symbolicLink, directory, notAFile
    case hardLinked(Int)
    case tooLarge(Int, limit: Int)
    /// The file changed while it was copied: retry later.
    case changing
    /// The file was removed before it was opened.
    case vanished

    /// Checks that a file with this status may be claimed.
    ///
    /// - Throws: the reason why it is not claimed.
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

    /// Whether the refusal is permanent; otherwise a retry may succeed.
    public var isFinal: Bool { self != .changing && self != .vanished }

    public var description: String {
        switch self {
        case .symbolicLink: "it is a symbolic link, and links are not followed; drop the file itself"
        case .directory: "it is a directory, not a file"
        case .notAFile: "it is not an ordinary file (but a pipe, socket or device)"
        case .hardLinked(let count):
            "the file has \(count) hard links, so it can change after it was read; drop a copy of it"
        case .tooLarge(let size, let limit): "the file has \(size) bytes, more than the limit of \(limit)"
        case .changing: "it is still being written"
        case .vanished: "it was removed before it could be read"
        }
    }
}

/// The error that the bytes of a stored file no longer match its digest.
public struct BlobDamaged: Error, Sendable, CustomStringConvertible {
    public let digest: Digest
    public let path: FilePath

    public var description: String {
        "\(path.escaped): the content no longer has the digest \(digest); the disk is faulty, or the file was changed"
    }
}

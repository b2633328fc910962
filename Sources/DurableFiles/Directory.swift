import Glibc
public import SystemPackage

/// An open directory. Its entries are found from its descriptor, not from its path, so a path that changes
/// meanwhile cannot lead to another directory.
public final class Directory: Sendable {
    /// The path at which the directory was opened; for messages.
    public let path: FilePath
    let descriptor: Int32

    private init(descriptor: Int32, path: FilePath) {
        self.descriptor = descriptor
        self.path = path
    }

    public convenience init(_ path: FilePath) throws(FileError) {
        self.init(
            descriptor: try SystemCalls.open(path, flags: O_RDONLY | O_DIRECTORY, shown: path), path: path)
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Opens a subdirectory; refuses a symbolic link of that name.
    public func subdirectory(_ name: FilePath.Component) throws(FileError) -> Directory {
        let shown = path.appending(name)
        return Directory(
            descriptor: try SystemCalls.open(
                FilePath(only: name), relativeTo: descriptor,
                flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, shown: shown), path: shown)
    }

    /// Opens the subdirectory; creates it durably if it is missing.
    public func makeSubdirectory(
        _ name: FilePath.Component, mode: UInt16 = 0o755
    ) throws(FileError) -> Directory {
        do {
            try SystemCalls.makeDirectory(
                FilePath(only: name), in: descriptor, mode: mode_t(mode), shown: path.appending(name))
            try synchronize()
        } catch  where error.code == .fileExists {}
        return try subdirectory(name)
    }

    /// Returns the names of the entries, ordered by bytes.
    public func names() throws(FileError) -> [FilePath.Component] {
        try SystemCalls.names(in: descriptor, shown: path).map { (bytes: $0.bytes, name: $0) }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map(\.name)
    }

    /// Returns the status of an entry (of a symbolic link itself, not of its target); nil if there is no such
    /// entry.
    public func status(of name: FilePath.Component) throws(FileError) -> FileStatus? {
        try SystemCalls.status(
            of: FilePath(only: name), relativeTo: descriptor, shown: path.appending(name))
    }

    /// Makes the creations, renamings and removals in the directory durable.
    public func synchronize() throws(FileError) { try SystemCalls.synchronize(descriptor, shown: path) }

    /// Returns true while `path` refers to this directory.
    public func isAtItsPath() throws(FileError) -> Bool {
        let mine = try SystemCalls.status(descriptor, shown: path)
        let there = try SystemCalls.status(of: path, relativeTo: AT_FDCWD, following: true, shown: path)
        return there?.identity == mine.identity
    }

    /// Moves a file or directory. Neither directory is synchronised.
    ///
    /// - Throws: EEXIST if the target exists and `replacing` is false.
    public func move(
        _ name: FilePath.Component, to newName: FilePath.Component, in target: Directory,
        replacing: Bool = false
    ) throws(FileError) {
        try SystemCalls.rename(
            FilePath(only: name), in: descriptor, to: FilePath(only: newName),
            in: target.descriptor, replacing: replacing, shownOld: path.appending(name),
            shown: target.path.appending(newName))
    }

    /// Removes a file; a missing file is not an error.
    public func remove(_ name: FilePath.Component) throws(FileError) {
        do {
            try SystemCalls.unlink(
                FilePath(only: name), in: descriptor, shown: path.appending(name))
        } catch  where error.code == .noSuchFileOrDirectory {}
    }

    /// Removes a file, or a directory with its contents, without following links.
    public func removeTree(_ name: FilePath.Component) throws(FileError) {
        guard let status = try status(of: name) else { return }
        guard status.kind == .directory else { return try remove(name) }
        let inner = try subdirectory(name)
        for name in try inner.names() { try inner.removeTree(name) }
        try SystemCalls.unlink(
            FilePath(only: name), in: descriptor, isDirectory: true, shown: path.appending(name))
    }

    /// Returns the number of bytes that may still be written on the directory's file system.
    public func freeSpace() throws(FileError) -> Int { try SystemCalls.freeSpace(descriptor, shown: path) }

    /// Returns the name of the directory's file system if its locks and renames are not reliable between
    /// machines; nil for any other file system.
    public func unsuitableFileSystem() throws(FileError) -> String? {
        switch try SystemCalls.fileSystemType(descriptor, shown: path) {
        case 0x6969: "NFS"
        case 0x6573_5546: "FUSE"
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: "SMB"
        case 0x0BD0_0BD0: "Lustre"
        case 0x0102_1997: "9P"
        default: nil
        }
    }

    /// Returns an unused hidden name, which readers of the directory ignore. It is random, because
    /// process numbers are reused and files of a killed process may still exist.
    func temporaryName() -> FilePath.Component {
        let name =
            "\(Self.temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 36))\(Self.temporarySuffix)"
        guard let component = FilePath.Component(name) else { preconditionFailure("a plain name") }
        return component
    }

    private static let temporaryPrefix = ".aurelax-"
    private static let temporarySuffix = ".part"

    /// Returns the names of the incomplete files in this directory, but not in its subdirectories: files that
    /// are being written, or that a killed process left.
    public func temporaries() throws(FileError) -> [FilePath.Component] {
        try names().filter { name in
            name.bytes.starts(with: Self.temporaryPrefix.utf8)
                && name.bytes.reversed().starts(with: Self.temporarySuffix.utf8.reversed())
        }
    }

    /// Removes the incomplete files that a killed process left in this directory, but not those in its
    /// subdirectories.
    ///
    /// - Precondition: no process is writing files in this directory.
    public func removeTemporaries() throws(FileError) {
        for name in try temporaries() { try removeTree(name) }
    }

    /// Returns the directory's permission bits, for example 0o755.
    public func permissions() throws(FileError) -> UInt16 {
        try SystemCalls.permissions(descriptor, shown: path)
    }

    /// Gives a user the right to read the directory, if the process may do so (root may).
    ///
    /// - Parameter user: numeric user ID, for example of the owner of the job file whose results the directory holds;
    ///   nothing happens if the process runs as that user.
    public func grantReading(to user: UInt32) throws(FileError) {
        try SystemCalls.grantReading(to: user, of: descriptor, isDirectory: true, shown: path)
    }

    public func setPermissions(_ mode: UInt16) throws(FileError) {
        try SystemCalls.setPermissions(mode, of: descriptor, shown: path)
    }
}

extension FilePath {
    /// The relative path that consists of one name.
    init(only name: FilePath.Component) { self.init(root: nil, CollectionOfOne(name)) }
}

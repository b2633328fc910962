import Glibc
public import SystemPackage

/// An open directory: every operation works beneath its descriptor, so a path that changes meanwhile cannot
/// lead outside.
public final class Directory: Sendable {
    /// Where it was opened; for messages.
    public let path: FilePath
    let descriptor: Int32

    private init(descriptor: Int32, path: FilePath) {
        self.descriptor = descriptor
        self.path = path
    }

    public convenience init(_ path: FilePath) throws(FileError) {
        self.init(
            descriptor: try Kernel.open(path, flags: O_RDONLY | O_DIRECTORY, shown: path), path: path)
    }

    deinit { _ = Glibc.close(descriptor) }

    /// A directory directly beneath; a symbolic link in its place is refused.
    public func subdirectory(_ name: FilePath.Component) throws(FileError) -> Directory {
        let shown = path.appending(name)
        return Directory(
            descriptor: try Kernel.open(
                FilePath(only: name), relativeTo: descriptor,
                flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, shown: shown), path: shown)
    }

    /// The directory beneath, made durable where it had to be created.
    public func makeSubdirectory(
        _ name: FilePath.Component, mode: UInt16 = 0o755
    ) throws(FileError) -> Directory {
        do {
            try Kernel.makeDirectory(
                FilePath(only: name), in: descriptor, mode: mode_t(mode), shown: path.appending(name))
            try synchronize()
        } catch  where error.code == .fileExists {}
        return try subdirectory(name)
    }

    /// Names of what it holds, in the order of their bytes.
    public func names() throws(FileError) -> [FilePath.Component] {
        try Kernel.names(in: descriptor, shown: path).map { (bytes: $0.bytes, name: $0) }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map(\.name)
    }

    /// What lies under the name, a link itself and not its target; nil where nothing does.
    public func status(of name: FilePath.Component) throws(FileError) -> FileStatus? {
        try Kernel.status(
            of: FilePath(only: name), relativeTo: descriptor, shown: path.appending(name))
    }

    /// Makes the names in it durable.
    public func synchronize() throws(FileError) { try Kernel.synchronize(descriptor, shown: path) }

    /// True while `path` leads to this directory.
    public func isAtItsPath() throws(FileError) -> Bool {
        let mine = try Kernel.status(descriptor, shown: path)
        let there = try Kernel.status(of: path, relativeTo: AT_FDCWD, following: true, shown: path)
        return there?.identity == mine.identity
    }

    /// Moves a file or directory.
    ///
    /// - Throws: EEXIST where the target exists and is not to be replaced. Neither directory is synchronised.
    public func move(
        _ name: FilePath.Component, to newName: FilePath.Component, in target: Directory,
        replacing: Bool = false
    ) throws(FileError) {
        try Kernel.rename(
            FilePath(only: name), in: descriptor, to: FilePath(only: newName),
            in: target.descriptor, replacing: replacing, shownOld: path.appending(name),
            shown: target.path.appending(newName))
    }

    /// Removes a file; one that is not there is no error.
    public func remove(_ name: FilePath.Component) throws(FileError) {
        do {
            try Kernel.unlink(
                FilePath(only: name), in: descriptor, shown: path.appending(name))
        } catch  where error.code == .noSuchFileOrDirectory {}
    }

    /// Removes a file, or a directory with everything in it, following no link.
    public func removeTree(_ name: FilePath.Component) throws(FileError) {
        guard let status = try status(of: name) else { return }
        guard status.kind == .directory else { return try remove(name) }
        let inner = try subdirectory(name)
        for name in try inner.names() { try inner.removeTree(name) }
        try Kernel.unlink(
            FilePath(only: name), in: descriptor, isDirectory: true, shown: path.appending(name))
    }

    /// Bytes that may still be written on this file system.
    public func freeSpace() throws(FileError) -> Int { try Kernel.freeSpace(descriptor, shown: path) }

    /// The name of a file system on which locks and renames of several machines cannot be trusted; nil on a
    /// local one.
    public func unsuitableFileSystem() throws(FileError) -> String? {
        switch try Kernel.fileSystemType(descriptor, shown: path) {
        case 0x6969: "NFS"
        case 0x6573_5546: "FUSE"
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: "SMB"
        case 0x0BD0_0BD0: "Lustre"
        case 0x0102_1997: "9P"
        default: nil
        }
    }

    /// A name that nothing else uses, hidden, so that no reader of the directory takes it for a file of its
    /// own. Drawn at random: a process number comes again, and what a killed process left is still there.
    func temporaryName() -> FilePath.Component {
        let name =
            "\(Self.temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 36))\(Self.temporarySuffix)"
        guard let component = FilePath.Component(name) else { preconditionFailure("a plain name") }
        return component
    }

    private static let temporaryPrefix = ".aurelax-"
    private static let temporarySuffix = ".part"

    /// What is being written directly beneath, or was when its writer was killed.
    public func temporaries() throws(FileError) -> [FilePath.Component] {
        try names().filter { name in
            name.bytes.starts(with: Self.temporaryPrefix.utf8)
                && name.bytes.reversed().starts(with: Self.temporarySuffix.utf8.reversed())
        }
    }

    /// Removes what a process that was killed left half-written directly beneath.
    ///
    /// - Precondition: nobody writes here at this moment.
    public func removeTemporaries() throws(FileError) {
        for name in try temporaries() { try removeTree(name) }
    }

    /// The permission bits, as chmod(1) writes them.
    public func permissions() throws(FileError) -> UInt16 {
        try Kernel.permissions(descriptor, shown: path)
    }

    public func setPermissions(_ mode: UInt16) throws(FileError) {
        try Kernel.setPermissions(mode, of: descriptor, shown: path)
    }
}

extension FilePath {
    /// The relative path of one name.
    init(only name: FilePath.Component) { self.init(root: nil, CollectionOfOne(name)) }
}

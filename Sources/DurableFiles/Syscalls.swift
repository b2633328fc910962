// All system calls of this module are in this file.
import CLinux
import Glibc
import SystemPackage

/// The status of a file or directory, from stat(2).
public struct FileStatus: Sendable, Equatable {
    public enum Kind: Sendable, Equatable { case regular, directory, symbolicLink, other }

    public let kind: Kind
    public let size: Int
    public let links: Int
    public let identity: FileIdentity
    /// Last change of content, nanoseconds since 1970: compared only for equality, never for order.
    public let modified: Int64
    /// Last change of content or attributes; compared only for equality.
    public let changed: Int64
    /// Whether users other than the owner and the group may read the file.
    public let othersMayRead: Bool
    /// Number of the user who owns the file.
    public let owner: UInt32
}

/// The identity of a file, independent of its name.
public struct FileIdentity: Sendable, Hashable, Codable {
    public let device: UInt64
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

enum SystemCalls {
    private static func begin(_ call: Syscall, _ path: FilePath) throws(FileError) -> Int? {
        switch SyscallHook.interruption(call, path) {
        case .fail(let code): throw FileError(code: code, operation: call.rawValue, path: path)
        case .shorten(let count): return count
        case .pretend(let type): return Int(type)
        case nil: return nil
        }
    }

    /// Returns the result of `body`; −1 becomes an error. A call that a signal interrupted is repeated if
    /// `retrying` is true.
    @discardableResult
    private static func check<Result: FixedWidthInteger>(
        _ call: Syscall, _ path: FilePath, retrying: Bool = true, _ body: () -> Result
    ) throws(FileError) -> Result {
        while true {
            let result = body()
            if result != -1 { return result }
            let code = Errno(rawValue: errno)
            if code == .interrupted, retrying { continue }
            throw FileError(code: code, operation: call.rawValue, path: path)
        }
    }

    /// openat(2), always close-on-exec.
    static func open(
        _ path: FilePath, relativeTo directory: Int32 = AT_FDCWD, flags: Int32, mode: mode_t = 0,
        shown: FilePath
    ) throws(FileError) -> Int32 {
        while true {
            do {
                _ = try begin(.open, shown)
                let descriptor = try check(.open, shown) {
                    path.withPlatformString { Glibc.openat(directory, $0, flags | O_CLOEXEC, mode) }
                }
                if flags & O_CREAT != 0 { SyscallHook.made(.create(shown)) }
                return descriptor
            } catch  where error.code == .interrupted { continue }
        }
    }

    /// close(2): never repeated, because the descriptor is closed even after an error.
    static func close(_ descriptor: Int32, shown: FilePath) throws(FileError) {
        do {
            _ = try begin(.close, shown)
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        do {
            try check(.close, shown, retrying: false) { Glibc.close(descriptor) }
        } catch  where error.code == .interrupted {}
    }

    /// read(2); returns 0 at the end of the file.
    static func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, shown: FilePath
    ) throws(FileError) -> Int {
        while true {
            do {
                let limit = try begin(.read, shown) ?? buffer.count
                return try check(.read, shown) {
                    Glibc.read(descriptor, buffer.baseAddress, min(limit, buffer.count))
                }
            } catch  where error.code == .interrupted { continue }
        }
    }

    /// write(2), repeated until everything is written.
    static func writeAll(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, shown: FilePath
    ) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            do {
                let limit = min(try begin(.write, shown) ?? rest.count, rest.count)
                let written = try check(.write, shown) { Glibc.write(descriptor, rest.baseAddress, limit) }
                SyscallHook.made(.write(shown, Array(rest.prefix(written))))
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            } catch  where error.code == .interrupted { continue }
        }
    }

    /// fsync(2): must not be retried after a failure, because the kernel may have dropped the unwritten data.
    static func synchronize(_ descriptor: Int32, shown: FilePath) throws(FileError) {
        _ = try begin(.fsync, shown)
        try check(.fsync, shown) { Glibc.fsync(descriptor) }
        SyscallHook.made(.synchronize(shown))
    }

    /// fsetxattr(2) of `system.posix_acl_access`: lets one more user read a private file or directory.
    static func grantReading(
        to user: UInt32, of descriptor: Int32, isDirectory: Bool, shown: FilePath
    ) throws(FileError) {
        let (read, all): (UInt16, UInt16) = isDirectory ? (5, 7) : (4, 6)
        // The attribute's format: version 2, then tag, permissions and user number of each entry. The entries
        // here: the owner, the given user, the group, the mask, all others.
        let none = UInt32.max
        let entries: [(UInt16, UInt16, UInt32)] = [
            (0x01, all, none), (0x02, read, user), (0x04, 0, none), (0x10, read, none), (0x20, 0, none),
        ]
        var bytes = withUnsafeBytes(of: UInt32(2).littleEndian, Array.init)
        for (tag, permissions, number) in entries {
            withUnsafeBytes(of: tag.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: permissions.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        _ = try begin(.chmod, shown)
        try check(.chmod, shown) {
            CLinux.fsetxattr(descriptor, "system.posix_acl_access", bytes, bytes.count, 0)
        }
    }

    static func truncate(_ descriptor: Int32, to length: Int, shown: FilePath) throws(FileError) {
        _ = try begin(.truncate, shown)
        try check(.truncate, shown) { Glibc.ftruncate(descriptor, off_t(length)) }
        SyscallHook.made(.truncate(shown, length))
    }

    static func seekToEnd(_ descriptor: Int32, shown: FilePath) throws(FileError) -> Int {
        Int(try check(.stat, shown) { Glibc.lseek(descriptor, 0, SEEK_END) })
    }

    static func seek(_ descriptor: Int32, to offset: Int, shown: FilePath) throws(FileError) {
        try check(.stat, shown) { Glibc.lseek(descriptor, offset, SEEK_SET) }
    }

    static func status(_ descriptor: Int32, shown: FilePath) throws(FileError) -> FileStatus {
        _ = try begin(.stat, shown)
        var result = Glibc.stat()
        try check(.stat, shown) { Glibc.fstat(descriptor, &result) }
        return FileStatus(result)
    }

    /// fstatat(2), which follows a symbolic link only if `following` is true; returns nil if there is no such
    /// file.
    static func status(
        of path: FilePath, relativeTo directory: Int32, following: Bool = false, shown: FilePath
    ) throws(FileError) -> FileStatus? {
        _ = try begin(.stat, shown)
        var result = Glibc.stat()
        do {
            try check(.stat, shown) {
                path.withPlatformString {
                    Glibc.fstatat(directory, $0, &result, following ? 0 : AT_SYMLINK_NOFOLLOW)
                }
            }
        } catch  where error.code == .noSuchFileOrDirectory { return nil }
        return FileStatus(result)
    }

    /// renameat2(2). If `replacing` is false, the call fails with EEXIST if the target exists; on a file
    /// system without this guarantee the target is checked beforehand.
    static func rename(
        _ old: FilePath, in from: Int32, to new: FilePath, in target: Int32, replacing: Bool,
        shownOld: FilePath, shown: FilePath
    ) throws(FileError) {
        _ = try begin(.rename, shown)
        func call(_ flags: UInt32) throws(FileError) {
            try check(.rename, shown) {
                old.withPlatformString { old in
                    new.withPlatformString { new in CLinux.renameat2(from, old, target, new, flags) }
                }
            }
            SyscallHook.made(.rename(shownOld, shown))
        }
        guard !replacing else { return try call(0) }
        do {
            // The flag 1 is RENAME_NOREPLACE.
            try call(1)
        } catch  where error.code == .invalidArgument || error.code == .noFunction {
            guard try status(of: new, relativeTo: target, shown: shown) == nil else {
                throw FileError(code: .fileExists, operation: "rename", path: shown)
            }
            try call(0)
        }
    }

    static func permissions(_ descriptor: Int32, shown: FilePath) throws(FileError) -> UInt16 {
        _ = try begin(.stat, shown)
        var result = Glibc.stat()
        try check(.stat, shown) { Glibc.fstat(descriptor, &result) }
        return UInt16(truncatingIfNeeded: result.st_mode & 0o7777)
    }

    static func setPermissions(_ mode: UInt16, of descriptor: Int32, shown: FilePath) throws(FileError) {
        _ = try begin(.chmod, shown)
        try check(.chmod, shown) { Glibc.fchmod(descriptor, mode_t(mode)) }
    }

    static func unlink(
        _ name: FilePath, in directory: Int32, isDirectory: Bool = false, shown: FilePath
    ) throws(FileError) {
        _ = try begin(.unlink, shown)
        try check(.unlink, shown) {
            name.withPlatformString { Glibc.unlinkat(directory, $0, isDirectory ? AT_REMOVEDIR : 0) }
        }
        SyscallHook.made(.remove(shown))
    }

    static func makeDirectory(
        _ name: FilePath, in directory: Int32, mode: mode_t, shown: FilePath
    ) throws(FileError) {
        _ = try begin(.mkdir, shown)
        try check(.mkdir, shown) { name.withPlatformString { Glibc.mkdirat(directory, $0, mode) } }
        SyscallHook.made(.makeDirectory(shown))
    }

    /// flock(2) without waiting; returns false if another process holds the lock.
    static func lock(_ descriptor: Int32, shown: FilePath) throws(FileError) -> Bool {
        _ = try begin(.lock, shown)
        // The C module has a structure of the same name; the explicit type selects the function.
        let flock: (Int32, Int32) -> Int32 = flock
        do {
            try check(.lock, shown) { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.code == .wouldBlock { return false }
    }

    /// Returns the names in a directory, without `.` and `..`, in no particular order.
    static func names(in directory: Int32, shown: FilePath) throws(FileError) -> [FilePath.Component] {
        _ = try begin(.list, shown)
        let copy = try open(".", relativeTo: directory, flags: O_RDONLY | O_DIRECTORY, shown: shown)
        guard let stream = fdopendir(copy) else {
            let code = Errno(rawValue: errno)
            _ = Glibc.close(copy)
            throw FileError(code: code, operation: "list", path: shown)
        }
        defer { closedir(stream) }
        var names: [FilePath.Component] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else {
                    throw FileError(code: Errno(rawValue: errno), operation: "list", path: shown)
                }
                return names
            }
            let offset = MemoryLayout.offset(of: \dirent.d_name) ?? 0
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            if let component = FilePath.Component(platformString: name), component.kind == .regular {
                names.append(component)
            }
        }
    }

    /// Returns the number of bytes that an ordinary user may still write on the file system.
    static func freeSpace(_ directory: Int32, shown: FilePath) throws(FileError) -> Int {
        _ = try begin(.statfs, shown)
        var result = Glibc.statvfs()
        try check(.statfs, shown) { Glibc.fstatvfs(directory, &result) }
        return Int(clamping: UInt64(result.f_bavail) * UInt64(result.f_frsize))
    }

    /// Returns `f_type` of statfs(2).
    static func fileSystemType(_ directory: Int32, shown: FilePath) throws(FileError) -> UInt32 {
        if let type = try begin(.statfs, shown) { return UInt32(truncatingIfNeeded: type) }
        var result = CLinux.statfs()
        try check(.statfs, shown) { CLinux.fstatfs(directory, &result) }
        return UInt32(truncatingIfNeeded: result.f_type)
    }

    static var processIdentifier: Int32 { getpid() }

    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown host" }
        return escapedForDisplay(buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
    }
}

extension FileStatus {
    init(_ status: Glibc.stat) {
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        func nanoseconds(_ time: timespec) -> Int64 {
            Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        }
        self.init(
            kind: kind, size: Int(status.st_size), links: Int(status.st_nlink),
            identity: FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim),
            othersMayRead: status.st_mode & S_IROTH != 0, owner: status.st_uid)
    }
}

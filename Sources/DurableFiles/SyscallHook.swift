package import SystemPackage

/// The calls that a test may interrupt.
package enum Syscall: String, Sendable, CaseIterable {
    case open, close, read, write, fsync, stat, rename, unlink, mkdir, truncate, lock, list, statfs, chmod
}

/// What a test makes of one call.
package enum Interruption: Sendable {
    /// The call is not made and fails so.
    case fail(Errno)
    /// A write (or read) is made of so many bytes only.
    case shorten(Int)
    /// statfs(2) says that the file system is of this type.
    case pretend(fileSystem: UInt32)
}

/// A change of the file system that was made, as a test may replay it.
package enum FileChange: Sendable, Equatable {
    case create(FilePath)
    case write(FilePath, [UInt8])
    case truncate(FilePath, Int)
    case makeDirectory(FilePath)
    case rename(FilePath, FilePath)
    case remove(FilePath)
    /// Of a file or a directory: what was changed before is on the disk from here on.
    case synchronize(FilePath)
}

package enum SyscallHook {
    package typealias Decision = @Sendable (Syscall, FilePath) -> Interruption?
    package typealias Record = @Sendable (FileChange) -> Void

    /// A class around the closures: a task-local closure of its own crashes in release builds of Swift 6.3.
    private final class Box: Sendable {
        let decide: Decision?
        let record: Record?
        init(_ decide: Decision?, _ record: Record?) { (self.decide, self.record) = (decide, record) }
    }

    @TaskLocal private static var current: Box?

    /// Runs `body`; `decide` is asked before each call in this task, nil lets it through.
    package static func interrupt<Result>(_ decide: @escaping Decision, during body: () throws -> Result)
        rethrows
        -> Result
    {
        try $current.withValue(Box(decide, nil), operation: body)
    }

    package static func interrupt<Result>(
        _ decide: @escaping Decision, isolation: isolated (any Actor)? = #isolation,
        during body: () async throws -> Result
    ) async rethrows -> Result {
        try await $current.withValue(Box(decide, nil), operation: body)
    }

    /// Runs `body`; every change that it makes is told.
    package static func record<Result>(_ record: @escaping Record, during body: () throws -> Result) rethrows
        -> Result
    {
        try $current.withValue(Box(nil, record), operation: body)
    }

    /// The work, to be done on another thread as it would be done here.
    package static func carried<Result>(
        _ work: @escaping @Sendable () throws -> Result
    ) -> @Sendable () throws -> Result {
        guard let box = current else { return work }
        return { try $current.withValue(box, operation: work) }
    }

    static func interruption(_ call: Syscall, _ path: FilePath) -> Interruption? {
        current?.decide?(call, path)
    }

    static func made(_ change: @autoclosure () -> FileChange) { current?.record?(change()) }
}

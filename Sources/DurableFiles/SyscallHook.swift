package import SystemPackage

/// The system calls that a test may interrupt.
package enum Syscall: String, Sendable, CaseIterable {
    case open, close, read, write, fsync, stat, rename, unlink, mkdir, truncate, lock, list, statfs, chmod
}

/// The effect that a test has on one system call.
package enum Interruption: Sendable {
    /// The call is not made and fails with this error.
    case fail(Errno)
    /// A write or read transfers only this number of bytes.
    case shorten(Int)
    /// statfs(2) reports this type of file system.
    case pretend(fileSystem: UInt32)
}

/// A change of the file system that a test may replay.
package enum FileChange: Sendable, Equatable {
    case create(FilePath)
    case write(FilePath, [UInt8])
    case truncate(FilePath, Int)
    case makeDirectory(FilePath)
    case rename(FilePath, FilePath)
    case remove(FilePath)
    /// A file or directory was synchronised: its earlier changes are on the disk from here on.
    case synchronize(FilePath)
}

package enum SyscallHook {
    package typealias Decision = @Sendable (Syscall, FilePath) -> Interruption?
    package typealias Record = @Sendable (FileChange) -> Void

    /// A class for the closures: a task-local closure crashes in release builds of Swift 6.3.
    private final class Box: Sendable {
        let decide: Decision?
        let record: Record?
        init(_ decide: Decision?, _ record: Record?) { (self.decide, self.record) = (decide, record) }
    }

    @TaskLocal private static var current: Box?

    /// Runs `body` and calls `decide` before each system call in this task; if `decide` returns nil, the call
    /// proceeds.
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

    /// Runs `body` and calls `record` with every change of the file system that `body` makes.
    package static func record<Result>(_ record: @escaping Record, during body: () throws -> Result) rethrows
        -> Result
    {
        try $current.withValue(Box(nil, record), operation: body)
    }

    /// Returns a closure that runs `work` with this task's hook, also on another thread.
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

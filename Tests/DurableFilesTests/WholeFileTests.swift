import DurableFiles
import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestTags
import Testing

@Suite struct WholeFileTests {
    private let scratch: Scratch
    private var directory: Directory { scratch.directory }

    init() throws { scratch = try Scratch() }

    @Test("An existing file is overwritten only on request") func existingFile() throws {
        try directory.create("a", [1, 2, 3])
        let error = #expect(throws: FileError.self) { try directory.create("a", [4]) }
        #expect(error?.code == .fileExists)
        #expect(try directory.read("a") == [1, 2, 3])
        try directory.replace("a", pattern(300_000))
        #expect(try directory.read("a") == pattern(300_000))
        #expect(try directory.read("b") == nil)
        #expect(scratch.files() == ["a"])
        let large = #expect(throws: FileError.self) { try directory.read("a", limit: 299_999) }
        #expect(large?.code == .fileTooLarge)
    }

    @Test("Links are not followed", .tags(.fault20)) func fault20Links() throws {
        try scratch.write("target", [1])
        try #require(symlink("target", scratch.path + "/link") == 0)
        #expect(throws: FileError.self) { try directory.read("link") }
        try directory.replace("link", [2])
        #expect(try scratch.bytes("target") == [1])
        #expect(try directory.status(of: "link")?.kind == .regular)
        try #require(symlink(".", scratch.path + "/here") == 0)
        #expect(throws: FileError.self) { try directory.subdirectory("here") }
    }

    /// Each call in turn fails, once with each error. Afterwards the file has the old or the new content, and the
    /// folder has no other file.
    @Test(
        "A file is the old or the new one, whichever call fails", .tags(.fault06),
        arguments: [Errno.noSpace, .ioError, .interrupted])
    func fault06EveryCallMayFail(code: Errno) throws {
        let (old, new) = (pattern(10), pattern(200_000))
        var kept = 0
        var calls = 0
        for call in 0... {
            try directory.replace("a", old)
            let counter = Atomic<Int>(0)
            var failure: FileError?
            SyscallHook.interrupt({ _, _ in
                counter.add(1, ordering: .relaxed).oldValue == call ? .fail(code) : nil
            }) {
                do throws(FileError) { try directory.replace("a", new) } catch { failure = error }
            }
            calls = call
            if counter.load(ordering: .relaxed) <= call { break }
            let content = try directory.read("a")
            #expect(content == old || content == new, "call \(call)")
            #expect(failure != nil || content == new, "call \(call) failed without an error")
            // After a failed synchronisation the temporary file stays; the recovery removes it.
            if failure?.isFatal != true { #expect(scratch.files() == ["a"], "call \(call)") }
            for name in scratch.files() where name != "a" {
                try directory.remove(FilePath.Component(name) ?? "a")
            }
            kept += content == old ? 1 : 0
        }
        #expect(calls >= 6, "open, write, stat, fsync, close, rename, fsync")
        #expect(code == .interrupted || kept >= 5)
    }

    @Test("Short writes and reads are completed", .tags(.fault06)) func fault06ShortTransfers() throws {
        let bytes = pattern(5000)
        try SyscallHook.interrupt({ call, _ in
            call == .write || call == .read ? .shorten(7) : nil
        }) {
            try directory.create("a", bytes)
            #expect(try directory.read("a") == bytes)
        }
        #expect(try scratch.bytes("a") == bytes)
    }

    @Test("Errors are temporary, fatal or neither", .tags(.fault05)) func fault05ErrorKinds() {
        func error(_ code: Errno, _ operation: String) -> FileError {
            FileError(code: code, operation: operation, path: "/x")
        }
        #expect(error(.ioError, "fsync").isFatal && error(.ioError, "close").isFatal)
        #expect(!error(.ioError, "fsync").isTransient && !error(.ioError, "write").isFatal)
        #expect(error(.noSpace, "write").isTransient && error(.noSpace, "fsync").isTransient)
        #expect(error(.tooManyOpenFiles, "open").isTransient)
        #expect(!error(.permissionDenied, "open").isTransient && !error(.permissionDenied, "open").isFatal)
    }

    @Test("Files are appended to and truncated") func appendedAndCutBack() throws {
        do {
            let file = try AppendFile("log", in: directory)
            try file.append("one\n")
            try file.append("two\n")
            #expect(file.length == 8)
            try file.synchronize()
            try file.close()
        }
        do {
            let file = try AppendFile("log", in: directory, keeping: 4)
            #expect(file.length == 4)
            try file.append("three\n")
            try file.close()
        }
        #expect(try directory.read("log") == Array("one\nthree\n".utf8))
        #expect(try AppendFile("log", in: directory, keeping: 100).length == 10)
    }

    @Test("A lock is held until it is released", .tags(.fault08)) func fault08Lock() throws {
        var first: ExclusiveLock? = try ExclusiveLock("lock", in: directory)
        let held = #expect(throws: LockHeld.self) { try ExclusiveLock("lock", in: directory) }
        #expect(held?.holder.hasPrefix("process \(ProcessInfo.processInfo.processIdentifier) on ") ?? false)
        #expect(first != nil)
        first = nil
        _ = try ExclusiveLock("lock", in: directory)
    }

    @Test(
        "Names are shown without control characters", .tags(.fault23),
        arguments: [
            (Array("ring 4 – ‘Å’.xyz".utf8), "ring 4 – ‘Å’.xyz"),
            (Array("a\nb\u{1B}[31m\u{7F}".utf8), "a\\x0Ab\\x1B[31m\\x7F"),
            (Array("abc\u{202E}fdp".utf8), "abc\\xE2\\x80\\xAEfdp"),
            (Array("zero\u{200B}width".utf8), "zero\\xE2\\x80\\x8Bwidth"),
            (Array("\\x0A".utf8), "\\x5Cx0A"),
            ([0x61, 0xFF, 0xC3, 0x62, 0xE2, 0x82], "a\\xFF\\xC3b\\xE2\\x82"),
            ([0xC0, 0x80, 0xED, 0xA0, 0x80], "\\xC0\\x80\\xED\\xA0\\x80"),
        ])
    func fault23ShownNames(bytes: [UInt8], shown: String) {
        #expect(escapedForDisplay(bytes) == shown)
        #expect(FilePath.Component(bytes: bytes)?.bytes == bytes)
        #expect(FilePath.Component(bytes: bytes)?.escaped == shown)
    }

    @Test("Invalid names are refused", .tags(.fault21)) func fault21InvalidNames() {
        for bytes in [[], Array(".".utf8), Array("..".utf8), Array("a/b".utf8), [0x61, 0]] {
            #expect(FilePath.Component(bytes: bytes) == nil, "\(bytes)")
        }
    }
}
